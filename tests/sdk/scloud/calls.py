"""What is true of every call of the official SDK: shapes of answers, parameters, signed time, addresses, repeats."""

import subprocess
import time
import uuid

import keyward_server
import requests
from _scloud import ADMIN, admin_key, client, create_key, create_user, picture, refused
from ucloud.core.exc import HTTPStatusException

# The vendor's tables. The owner's number has two spellings: UserId in his table, UserID in his example.
KEY = {
    "AccessKeyID": str,
    "AccessKeySecret": str,
    "UserId": int,
    "UserID": int,
    "Description": str,
    "Status": str,
    "CreatedAt": int,
    "UpdatedAt": int,
    "ExpiredAt": int,
    "DeletedAt": int,
}
USER = {"UserName": str, "DisplayName": str, "Email": str, "Status": str, "CreatedAt": int}
LISTED_USER = {**USER, "ConsoleAccess": bool, "APIAccess": bool}
NEW_USER = {
    "UserName": str,
    "DisplayName": str,
    "CompanyID": int,
    "ConsoleAccess": bool,
    "APIAccess": bool,
    "AccessKeyID": str,
    "AccessKeySecret": str,
}
PROFILE = {"Status": str, "MaxPasswordAge": int, "MFABindRequired": bool, "PasswordResetRequired": bool}
REGION = {"Region": str, "Zone": str, "IsDefault": bool, "RegionId": int, "RegionName": str, "BitMaps": str}
PROJECT = {
    "ProjectId": str,
    "ProjectName": str,
    "IsDefault": bool,
    "CreateTime": int,
    "MemberCount": int,
    "ResourceCount": int,
    "ParentId": str,
    "ParentName": str,
}


def shape(value):
    """The value with its type in place of each leaf; of a list, its first item, which all others must resemble."""
    if isinstance(value, dict):
        return {name: shape(item) for name, item in value.items()}
    if isinstance(value, list):
        shapes = [shape(item) for item in value]
        assert all(item == shapes[0] for item in shapes), value
        return shapes[:1]
    return type(value)


def answers_have_the_documented_fields(server):
    admin = client(server)
    bob = {"UserName": "bob"}
    calls = [
        ("CreateUser", {**bob, "AccessKeyStatus": "Active", "LoginProfileStatus": "Active"}, NEW_USER),
        ("CreateAccessKey", bob, {"AccessKey": KEY}),
        ("ListAccessKeys", bob, {"AccessKey": [KEY]}),
        ("GetUser", bob, {"User": USER}),
        ("ListUsers", {}, {"Users": [LISTED_USER], "TotalCount": int}),
        ("UpdateUser", {**bob, "DisplayName": "Bob"}, {}),
        ("GetLoginProfile", bob, {"LoginProfile": PROFILE}),
        ("UpdateLoginProfile", {**bob, "Status": "Active"}, {"LoginProfile": PROFILE}),
        ("GetRegion", {}, {"Regions": [REGION]}),
        ("GetProjectList", {"IsFinance": "No"}, {"ProjectCount": int, "ProjectSet": [PROJECT]}),
    ]
    answers = {}
    for action, arguments, fields in calls:
        answer = answers[action] = admin.invoke(action, dict(arguments))
        assert shape(answer) == {"RetCode": int, "Action": str, "Message": str, **fields}, (action, answer)
        assert answer["RetCode"] == 0 and answer["Action"] == f"{action}Response", answer
    made, listed = answers["CreateAccessKey"]["AccessKey"], answers["ListAccessKeys"]["AccessKey"]
    server.secrets |= {made["AccessKeySecret"], answers["CreateUser"]["AccessKeySecret"]}
    for action in ["UpdateAccessKey", "DeleteAccessKey"]:
        answer = admin.invoke(
            action, {"AccessKeyID": made["AccessKeyID"], **({"Status": "Active"} if action[0] == "U" else {})}
        )
        assert answer == {"RetCode": 0, "Action": f"{action}Response", "Message": ""}, answer
    assert admin.invoke("DeleteUser", bob) == {"RetCode": 0, "Action": "DeleteUserResponse", "Message": ""}

    # The secret is in the answer that makes the key, and in no other.
    assert made["AccessKeySecret"] and all(key["AccessKeySecret"] == "" for key in listed), listed
    assert listed[1] == {**made, "AccessKeySecret": ""}, listed
    assert 0 < made["UserId"] == made["UserID"] < 2**31, made
    assert made["ExpiredAt"] == made["DeletedAt"] == 0 and abs(made["CreatedAt"] - time.time()) < 600, made


def answers_carry_the_request_id_of_the_log(server):
    admin, seen = client(server), []
    admin.middleware.response(lambda answer, http: seen.append(http) or answer)
    admin.invoke("ListUsers")
    refused(11021, admin.invoke, "GetUser", {"UserName": "nobody"})
    server.stop()
    logged = [line.get("request.id") for line in server.log()]
    for answer in seen:
        assert answer.headers["Content-Type"] == "application/json", answer.headers
        assert answer.headers["Cache-Control"] == "no-store", answer.headers
        assert logged.count(answer.request_uuid) == 1, (answer.request_uuid, logged)


def unknown_and_repeated_parameters_are_refused(server):
    admin = client(server)
    create_user(admin, "bob")
    before = picture(server)
    for arguments, name in [
        ({"UserName": "bob", "Force": True}, "Force"),
        ({"UserName": "bob", "Limit": 1}, "Limit"),
        ({"UserName": "bob", "Tag.0": "x"}, "Tag.0"),
        ({"UserName": "bob", "": "x"}, ""),
        ({"UserName": "bob", "username": "carol"}, "username"),
        ({"UserName": ["bob", "carol"]}, "UserName.0"),
        ({"UserName": {"A": "bob"}}, "UserName.A"),
    ]:
        assert refused(230, admin.invoke, "DeleteUser", arguments) == f"Params [{name}] not available", arguments
    assert refused(220, admin.invoke, "DeleteUser") == "Missing params [UserName]"
    assert refused(220, admin.invoke, "DeleteUser", {"UserName": ""}) == "Missing params [UserName]"
    for action, arguments, names in [
        ("UpdateUser", {"UserName": "bob"}, "DisplayName|Status|NewUserName"),
        ("UpdateAccessKey", {"AccessKeyID": "k"}, "Status|Description"),
        ("CreateUser", {"UserName": "dave"}, "AccessKeyStatus"),
    ]:
        assert refused(220, admin.invoke, action, arguments) == f"Missing params [{names}]", action
    for action, arguments, name in [
        ("UpdateUser", {"UserName": "bob", "Status": "Inactive"}, "Status"),
        ("UpdateUser", {"UserName": "bob", "Status": "active"}, "Status"),
        ("UpdateUser", {"UserName": "bob", "DisplayName": "x" * 129}, "DisplayName"),
        ("UpdateUser", {"UserName": "bob", "DisplayName": "a\nb"}, "DisplayName"),
        ("UpdateAccessKey", {"AccessKeyID": "k", "Description": "x" * 256}, "Description"),
        ("UpdateAccessKey", {"AccessKeyID": "k", "Status": "Deleted"}, "Status"),
        ("UpdateLoginProfile", {"UserName": "bob", "MFABindRequired": "yes"}, "MFABindRequired"),
        ("UpdateLoginProfile", {"UserName": "bob", "UserEmail": "nowhere"}, "UserEmail"),
        ("ListAccessKeys", {"UserName": "bob", "Zone": "Zone/1"}, "Zone"),
    ]:
        assert refused(230, admin.invoke, action, arguments) == f"Params [{name}] not available", arguments
    # What every client may send.
    common = {"Region": "cn-bj2", "Zone": "cn-bj2-04", "ProjectId": "org-4nfe1i", "SecurityToken": ""}
    admin.invoke("ListAccessKeys", {"UserName": "bob", **common})
    client(server, region="cn-bj2", project_id="org-4nfe1i").invoke("ListAccessKeys", {"UserName": "bob"})
    assert refused(174, admin.invoke, "ListUsers", {"SecurityToken": "x"}) == "Token Not Exists"
    assert picture(server) == before


def shifted_boundaries_sign_alike_and_are_refused(server):
    """The signed text has no separators; the same text must not be read in a second way."""
    admin = client(server)
    for name in ["bob", "bobq"]:
        create_user(admin, name)
    before = picture(server)
    for action, captured, sent, code in [
        ("DeleteUser", {"UserName": "bobq"}, {"UserName": "bob", "q": ""}, 230),
        ("DeleteUser", {"UserName": "bobq"}, {"UserName": "bo", "bq": ""}, 230),
        ("UpdateUser", {"UserName": "bob", "Status": "Frozen"}, {"Status": "FrozenUserNamebob"}, 220),
        ("UpdateUser", {"UserName": "bob", "Status": "Frozen"}, {"Stat": "usFrozen", "UserName": "bob"}, 230),
        (
            "UpdateUser",
            {"UserName": "bob", "DisplayName": "A", "NewUserName": "eve"},
            {"UserName": "bob", "DisplayName": "ANewUserNameeve"},
            230,
        ),
        ("ListUsers", {"Limit": 1, "Offset": 0}, {"Limit": "1Offset0"}, 230),
    ]:
        signed = [admin.credential.verify_ac({"Action": action, **arguments}) for arguments in [captured, sent]]
        assert signed[0] == signed[1], (captured, sent)
        refused(code, admin.invoke, action, dict(sent))
    assert picture(server) == before
    # The reading that was meant passes, and so does a text that only resembles a name.
    admin.invoke("UpdateUser", {"UserName": "bob", "DisplayName": "A", "NewUserName": "eve"})
    admin.invoke("UpdateUser", {"UserName": "eve", "DisplayName": "NewUserNam and PublicKey"})


def time_and_nonce_may_be_signed_too(server):
    admin = client(server)
    extra = {}
    # As the dialect's page says it: the SDK signs what the middleware adds.
    admin.middleware.request(lambda request: dict(request, **extra))
    # Whole seconds: the one in which the server started counts as before its start.
    now = int(time.time()) + 1
    for time_and_nonce in [
        {"Timestamp": now},
        {"Timestamp": now - 250},
        {"Timestamp": now + 250},
        {"Timestamp": now, "Nonce": uuid.uuid4().hex},
        {"Timestamp": now, "Nonce": "0123-abc_DEF.+/=:"},
    ]:
        extra = time_and_nonce
        admin.invoke("ListUsers")
    assert refused(171, admin.invoke, "ListUsers").endswith("this Nonce was used before")
    for time_and_nonce, reason in [
        ({"Timestamp": now - 400}, "Timestamp is more than 300 seconds away from the server's clock"),
        ({"Timestamp": now + 400}, "Timestamp is more than 300 seconds away from the server's clock"),
        ({"Timestamp": now - 200, "Nonce": "n1"}, "signed before the server started, sign again"),
        ({"Nonce": "n2"}, "Nonce needs a Timestamp beside it"),
    ]:
        extra = time_and_nonce
        assert refused(171, admin.invoke, "ListUsers").endswith(reason), time_and_nonce
    for code, wrong in [
        (230, {"Timestamp": now, "Nonce": "a b"}),
        (230, {"Timestamp": f"0{now}"}),
        (171, {"Timestamp": "now"}),
    ]:
        extra = wrong
        refused(code, admin.invoke, "ListUsers")


def any_spelling_of_the_base_url_works(server):
    for path in ["", "/", "/scloud", "/scloud/"]:
        users = client(server, path=path).iam().list_users()["Users"]
        assert [user["UserName"] for user in users] == [ADMIN], path
        refused(161, client(server, path=path).invoke, "ListUnicorns")
    for path in ["/scloud/v1", "/Scloud", "/scloudx", "/scloud//", "/other"]:
        try:
            client(server, path=path).invoke("ListUsers")
        except HTTPStatusException as error:
            assert error.status_code == 404, error
        else:
            raise AssertionError(f"{path} was answered")


def a_private_certificate_authority_is_enough(server):
    key, folder = admin_key(server), server.data_dir.parent
    files = {"CERT": folder / "tls.crt", "KEY": folder / "tls.key"}
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=keyward"
    command += " -addext subjectAltName=IP:127.0.0.1 -addext basicConstraints=critical,CA:FALSE"
    subprocess.run([*command.split(), "-out", files["CERT"], "-keyout", files["KEY"]], check=True, capture_output=True)
    server.stop()
    server.environment.update({f"KEYWARD_TLS__{name}": str(path) for name, path in files.items()})
    server.start()
    assert server.url.startswith("https://"), server.url
    assert client(server, key, ssl_cacert=str(files["CERT"])).iam().list_users()["TotalCount"] == 1
    try:
        client(server, key).invoke("ListUsers")
    except requests.exceptions.SSLError:
        pass
    else:
        raise AssertionError("the client trusted a stranger's certificate")


def repeats_are_the_clients_own_business(server):
    """What the SDK repeats when told to, so that our codes below 2000 reach the user at once."""
    admin = client(server, max_retries=3)
    create_user(admin, "bob")
    create_key(server, admin, "bob")
    create_key(server, admin, "bob")
    assert server.requests("CreateUser") == 1 and server.requests("CreateAccessKey") == 2
    refused(1902, admin.invoke, "CreateAccessKey", {"UserName": "bob"})
    assert server.requests("CreateAccessKey") == 3
    # Above 2000 it repeats, typed creations included, against its own comment.
    taken = {"UserName": "bob", "AccessKeyStatus": "Inactive", "LoginProfileStatus": "Inactive"}
    refused(11208, admin.iam().create_user, taken)
    assert server.requests("CreateUser") == 5
    refused(11021, admin.invoke, "GetUser", {"UserName": "nobody"}, max_retries=2)
    assert server.requests("GetUser") == 3
    refused(11021, client(server).invoke, "GetUser", {"UserName": "nobody"})
    assert server.requests("GetUser") == 4
    # What is wrong with the HTTP is not repeated either.
    try:
        admin.invoke("UpdateUser", {"UserName": "bob", "DisplayName": "x" * 65 * 1024})
    except HTTPStatusException as error:
        assert error.status_code == 413 and error.request_uuid, error
    else:
        raise AssertionError("65 KiB were taken")
    assert server.requests("-") == 1


def equal_requests_are_no_replay(server):
    """A client may send the same bytes twice; each counts."""
    admin = client(server)
    create_user(admin, "bob")
    first, second = (admin.invoke("CreateAccessKey", {"UserName": "bob"})["AccessKey"] for _ in range(2))
    server.secrets |= {first["AccessKeySecret"], second["AccessKeySecret"]}
    assert first["AccessKeyID"] != second["AccessKeyID"]
    for _ in range(2):
        admin.invoke("UpdateAccessKey", {"AccessKeyID": first["AccessKeyID"], "Status": "Inactive"})


@keyward_server.with_settings(DIALECT__SCLOUD__STRICT_REPLAY="true", DIALECT__SCLOUD__REVEAL_SECRET="owner")
def a_server_can_be_stricter_and_more_open(server):
    admin = client(server)
    create_user(admin, "bob")
    assert refused(171, create_user, admin, "bob").endswith("this signature was used before")
    admin.invoke("ListUsers")
    admin.invoke("ListUsers")
    bobs = create_key(server, admin, "bob")
    shown = client(server, bobs).invoke("ListAccessKeys", {"UserName": "bob"})["AccessKey"]
    assert [key["AccessKeySecret"] for key in shown] == [bobs.secret]
    # His own only, and nobody else's, whatever the role.
    assert admin.invoke("ListAccessKeys", {"UserName": "bob"})["AccessKey"][0]["AccessKeySecret"] == ""
    shown = admin.invoke("ListAccessKeys", {"UserName": ADMIN})["AccessKey"]
    assert [key["AccessKeySecret"] for key in shown] == [admin_key(server).secret]


keyward_server.run(
    answers_have_the_documented_fields,
    answers_carry_the_request_id_of_the_log,
    unknown_and_repeated_parameters_are_refused,
    shifted_boundaries_sign_alike_and_are_refused,
    time_and_nonce_may_be_signed_too,
    any_spelling_of_the_base_url_works,
    a_private_certificate_authority_is_enough,
    repeats_are_the_clients_own_business,
    equal_requests_are_no_replay,
    a_server_can_be_stricter_and_more_open,
)
