"""What no SDK sends, over plain HTTP: every form of a request, every refusal, and that none changes the store."""

import json

import keyward_server
from _scloud import (
    FORM,
    JSON,
    Key,
    admin_key,
    client,
    code_of,
    create_key,
    create_user,
    form,
    names_of,
    picture,
    post,
    send,
    sign,
)

BOB = {"UserName": "bob"}
DELETE_BOB = {"Action": "DeleteUser", **BOB}


def every_form_of_a_request_is_understood(server):
    create_user(client(server), "bob")
    key = admin_key(server)
    users = {"Action": "ListUsers", "Limit": 5, "Offset": 1, "Region": "cn-bj2"}
    flat, query = sign(users, key), form(sign(users, key))
    for prefix in ["/", "/scloud", "/scloud/"]:
        for answer in [
            send(server, "GET", f"{prefix}?{query}"),
            send(server, "POST", f"{prefix}?{query}"),
            send(server, "POST", prefix, query, FORM),
            send(server, "POST", prefix, query),
            send(server, "POST", prefix, query, {"Content-Type": "Application/X-WWW-Form-Urlencoded; charset=UTF-8"}),
            # The Go SDK: the action also in the query, which is not signed and otherwise not read.
            send(server, "POST", f"{prefix}?Action=ListUsers", query, FORM),
            send(server, "POST", f"{prefix}?Action=ListUsers&Limit=1", query, FORM),
            # The JavaScript SDK: flat names, scalars keep their type; and the Go SDK with its JSON encoder.
            send(server, "POST", prefix, json.dumps(flat), JSON),
            send(
                server,
                "POST",
                f"{prefix}?Action=ListUsers",
                json.dumps(flat, indent=1),
                {"Content-Type": "application/json; charset=utf-8"},
            ),
        ]:
            assert names_of(answer) == ["bob"], (prefix, answer)


def the_vendors_own_examples_are_answered_as_his_tables_say(server):
    admin, key = client(server), admin_key(server)
    create_user(admin, "koOALmtY")
    create_user(admin, "XZENszQt")
    model = {
        "AccessKeyID": str,
        "UserId": int,
        "AccessKeySecret": str,
        "Description": str,
        "Status": str,
        "CreatedAt": int,
        "ExpiredAt": int,
        "UpdatedAt": int,
        "DeletedAt": int,
        # In his example in place of UserId.
        "UserID": int,
    }
    for action, name in [
        ("CreateAccessKey", "XZENszQt"),
        ("CreateAccessKey", "koOALmtY"),
        ("ListAccessKeys", "koOALmtY"),
    ]:
        signed = sign({"Action": action, "UserName": name}, key)
        answer = send(
            server, "GET", f"/?Action={action}&UserName={name}&PublicKey={key.id}&Signature={signed['Signature']}"
        ).json
        (shown,) = answer["AccessKey"] if action == "ListAccessKeys" else [answer["AccessKey"]]
        assert {field: type(value) for field, value in shown.items()} == model, answer
        assert (answer["RetCode"], answer["Action"]) == (0, f"{action}Response"), answer
        assert (shown["AccessKeySecret"] == "") == (action == "ListAccessKeys"), answer
        server.secrets |= {shown["AccessKeySecret"]} - {""}


def values_are_signed_as_each_client_writes_them(server):
    key = admin_key(server)
    text = "ü <b>&c</b> +%2B/=~*'\" \u2028 😀"
    for number, encode in enumerate(
        [
            lambda request: ("GET", "/scloud?" + form(request), "", {}),
            lambda request: ("GET", "/scloud?" + form(request).replace("+", "%20"), "", {}),
            lambda request: ("POST", "/scloud", form(request), FORM),
            lambda request: ("POST", "/scloud", json.dumps(request), JSON),
            lambda request: ("POST", "/scloud", json.dumps(request, ensure_ascii=False), JSON),
            lambda request: (
                "POST",
                "/scloud",
                json.dumps(request).replace("<", "\\u003c").replace("&", "\\u0026"),
                JSON,
            ),
        ]
    ):
        name = f"user{number}"
        new = {"UserName": name, "AccessKeyStatus": "Inactive", "LoginProfileStatus": "Inactive", "DisplayName": text}
        method, target, body, headers = encode(sign({"Action": "CreateUser", **new, "MFABindRequired": True}, key))
        answer = send(server, method, target, body, headers)
        assert answer.status == 200 and answer.json["DisplayName"] == text, (number, answer)
        change = {"Action": "UpdateLoginProfile", "UserName": name, "MaxPasswordAge": 90, "MFABindRequired": False}
        method, target, body, headers = encode(sign(change, key))
        profile = send(server, method, target, body, headers).json["LoginProfile"]
        assert (profile["MaxPasswordAge"], profile["MFABindRequired"]) == (90, False), (number, profile)
    # A number has one signed text, however it is written.
    body = json.dumps(sign({"Action": "ListUsers", "Limit": 20}, key)).replace('"Limit": 20', '"Limit": 2.0e1')
    assert len(names_of(send(server, "POST", "/scloud", body, JSON))) == 7


def what_cannot_be_read_is_refused(server):
    create_user(client(server), "bob")
    key, before = admin_key(server), picture(server)
    good = sign(DELETE_BOB, key)
    text, document = form(good), json.dumps(good)
    for method, target, body, headers in [
        # Not UTF-8, and bad escapes.
        ("POST", "/scloud", text + "&Region=%FF", FORM),
        ("POST", "/scloud", text.encode() + b"&Region=\xff", FORM),
        ("POST", "/scloud", text + "&%FF=x", FORM),
        ("POST", "/scloud", text + "&Region=%zz", FORM),
        ("POST", "/scloud", text + "&Region=%", FORM),
        ("GET", f"/scloud?{text}&Region=%C3", "", {}),
        ("POST", "/scloud", document.encode().replace(b"bob", b"b\xffb"), JSON),
        ("POST", "/scloud", document.replace("bob", "\\ud800"), JSON),
        # Twice, in any letter case; without a name.
        ("POST", "/scloud", text + "&UserName=carol", FORM),
        ("POST", "/scloud", text + "&UserName=bob", FORM),
        ("POST", "/scloud", text + "&username=carol", FORM),
        ("POST", "/scloud", "Action=ListUsers&" + text, FORM),
        ("GET", f"/scloud?{text}&UserName=carol", "", {}),
        ("POST", "/scloud", document[:-1] + ', "UserName": "carol"}', JSON),
        ("POST", "/scloud", document[:-1] + ', "USERNAME": "carol"}', JSON),
        ("POST", "/scloud", text + "&=x", FORM),
        ("POST", "/scloud", document[:-1] + ', "": "x"}', JSON),
        # JSON that is none, or no object, or holds null.
        ("POST", "/scloud", document[:-1] + ', "Region": null}', JSON),
        ("POST", "/scloud", document[:-1] + ', "Region": [null]}', JSON),
        ("POST", "/scloud", "null", JSON),
        ("POST", "/scloud", f"[{document}]", JSON),
        ("POST", "/scloud", '"x"', JSON),
        ("POST", "/scloud", document[:-1], JSON),
        ("POST", "/scloud", document + "x", JSON),
        ("POST", "/scloud", "\ufeff" + document, JSON),
        ("POST", "/scloud", document[:-1] + ', "Region": NaN}', JSON),
        ("POST", "/scloud", document[:-1] + ', "Region": ' + "[" * 200 + "]" * 200 + "}", JSON),
        # One as the other, or as something else.
        ("POST", "/scloud", text, {"Content-Type": "text/plain"}),
        ("POST", "/scloud", text, {"Content-Type": "multipart/form-data; boundary=x"}),
        ("POST", "/scloud", text, JSON),
        # Two actions.
        ("POST", "/scloud?Action=ListUsers", text, FORM),
        ("POST", "/scloud?Action=ListUsers", document, JSON),
        ("POST", "/scloud?action=ListUsers", text, FORM),
        ("POST", "/scloud?Action=", text, FORM),
        ("POST", "/scloud?Action=DeleteUser&Action=ListUsers", text, FORM),
        # Too many.
        ("POST", "/scloud", text + "".join(f"&P{number}=x" for number in range(253)), FORM),
    ]:
        answer = send(server, method, target, body, headers)
        assert code_of(answer) == 230, (method, target, body[:300], headers, answer)
    # JSON that calls itself a form is a form without an action.
    assert code_of(send(server, "POST", "/scloud", document, FORM)) == 160
    assert picture(server) == before


def lists_and_objects_are_signed_but_never_taken(server):
    create_user(client(server), "bob")
    key, before = admin_key(server), picture(server)
    for parameters, name in [
        ({"UserName": ["bob"]}, "UserName"),
        ({"UserName": ["b", "ob"]}, "UserName"),
        ({"UserName": {"b": "ob"}}, "UserName"),
        ({**BOB, "Region": []}, "Region"),
        ({**BOB, "Region": {}}, "Region"),
        ({**BOB, "Disks": [{"Size": 20, "Boot": True}, {"Size": 0.5}]}, "Disks"),
    ]:
        request = sign({"Action": "DeleteUser", **parameters}, key)
        answer = send(server, "POST", "/scloud", json.dumps(request), JSON)
        # Not 171: the signature of the nested form is right.
        assert code_of(answer) == 230 and answer.json["Message"] == f"Params [{name}] not available", (
            parameters,
            answer,
        )
    assert picture(server) == before


def a_signature_has_one_spelling(server):
    create_user(client(server), "bob")
    key, before = admin_key(server), picture(server)
    good = sign(DELETE_BOB, key)
    right = good["Signature"]
    for wrong in [
        right.upper(),
        right[:-1],
        right + "0",
        right[:-1] + ("0" if right[-1] != "0" else "1"),
        " " + right,
        right + "\n",
        "0x" + right,
        "0" * 40,
        "%",
        "null",
        sign(DELETE_BOB, Key(key.id, ""))["Signature"],
        sign({**DELETE_BOB, "UserName": "carol"}, key)["Signature"],
    ]:
        assert code_of(post(server, {**good, "Signature": wrong})) == 171, wrong
    # Any change of what was signed, of letter case too.
    for change in [{"UserName": "Bob"}, {"Action": "GetUser"}, {"Region": "x"}]:
        assert code_of(post(server, {**good, **change})) == 171, change
    flags = {"Action": "UpdateLoginProfile", **BOB, "MFABindRequired": True}
    as_python_prints_it = form(sign(flags, key)).replace("MFABindRequired=true", "MFABindRequired=True")
    assert code_of(send(server, "POST", "/scloud", as_python_prints_it, FORM)) == 171
    assert picture(server) == before
    assert post(server, good).json["RetCode"] == 0


def a_captured_signature_fits_no_shifted_request(server):
    """Whoever saw a signed request may move the boundaries in its text, for it has no separators."""
    admin, key = client(server), admin_key(server)
    for name in ["bob", "bobq"]:
        create_user(admin, name)
    before = picture(server)
    frozen = {"Action": "UpdateUser", **BOB, "Status": "Frozen"}
    renamed = {"Action": "UpdateUser", **BOB, "DisplayName": "A", "NewUserName": "eve"}
    for code, captured, sent in [
        (230, {"Action": "DeleteUser", "UserName": "bobq"}, {"Action": "DeleteUser", **BOB, "q": ""}),
        (230, {"Action": "DeleteUser", "UserName": "bobq"}, {"Action": "DeleteUser", "UserNam": "ebobq"}),
        (220, frozen, {"Action": "UpdateUser", "Status": "FrozenUserNamebob"}),
        (230, renamed, {"Action": "UpdateUser", **BOB, "DisplayName": "ANewUserNameeve"}),
        (230, {"Action": "ListUsers", "Limit": 1}, {"Action": "ListUsers", "Limit1": ""}),
        (161, {"Action": "ListUsers", "Limit": 1}, {"Action": "ListUsersLimit1"}),
        (160, {"Action": "ListUsers"}, {"Act": "ionListUsers"}),
        (172, {"Action": "ListUsers"}, {"Action": "ListUsers", "PublicKey": key.id[:-1], key.id[-1]: ""}),
    ]:
        request = {"PublicKey": key.id, **sent, "Signature": sign(captured, key)["Signature"]}
        for answer in [
            post(server, request),
            send(server, "GET", "/scloud?" + form(request)),
            send(server, "POST", "/scloud", json.dumps(request), JSON),
        ]:
            assert code_of(answer) == code, (captured, sent, answer)
    assert picture(server) == before
    assert post(server, sign(renamed, key)).json["RetCode"] == 0


def every_refusal_has_its_code_and_changes_nothing(server):
    admin, key = client(server), admin_key(server)
    for name in ["bob", "carol", "dave"]:
        create_user(admin, name)
    bobs, off, dead, daves = (create_key(server, admin, name) for name in ["bob", "carol", "carol", "dave"])
    admin.invoke("UpdateAccessKey", {"AccessKeyID": off.id, "Status": "Inactive"})
    admin.invoke("DeleteAccessKey", {"AccessKeyID": dead.id})
    admin.invoke("UpdateUser", {"UserName": "dave", "Status": "Frozen"})
    create_key(server, admin, "bob")
    before = picture(server)
    unsigned = {**DELETE_BOB, "PublicKey": key.id}
    for code, request, message in [
        (160, sign(BOB, key), "Missing Action"),
        (160, sign({**BOB, "Action": ""}, key), "Missing Action"),
        (161, sign({**BOB, "Action": "deleteUser"}, key), "Action [deleteUser] not found"),
        (161, sign({"Action": "ListUsersLimit5"}, key), "Action [ListUsersLimit5] not found"),
        (161, sign({"Action": "<script>"}, key), "Action [?] not found"),
        (170, unsigned, "Missing signature"),
        (170, {**unsigned, "Signature": ""}, "Missing signature"),
        (170, DELETE_BOB, "Missing signature"),
        (171, {**unsigned, "Signature": "x"}, "Signature VerifyAC Error"),
        (171, sign(DELETE_BOB, Key(key.id, bobs.secret)), "Signature VerifyAC Error"),
        (172, sign(DELETE_BOB, Key("unknown", key.secret)), "User Not Exists"),
        (172, {**unsigned, "PublicKey": "", "Signature": "x"}, "User Not Exists"),
        (172, {**DELETE_BOB, "Signature": "x"}, "User Not Exists"),
        (172, sign(DELETE_BOB, dead), "User Not Exists"),
        (174, sign({**DELETE_BOB, "SecurityToken": "x"}, key), "Token Not Exists"),
        (220, sign({"Action": "DeleteUser"}, key), "Missing params [UserName]"),
        (220, sign({"Action": "DeleteUser", "UserName": ""}, key), "Missing params [UserName]"),
        (230, sign({**DELETE_BOB, "Force": "true"}, key), "Params [Force] not available"),
        (230, sign({**DELETE_BOB, "a b": "x"}, key), "Params [?] not available"),
        (230, sign({"Action": "ListUsers", "Limit": 101}, key), "Params [Limit] not available"),
        (299, sign({"Action": "ListAccessKeys", "UserName": "carol"}, off), "The access key is inactive"),
        (299, sign({"Action": "ListAccessKeys", "UserName": "dave"}, daves), "The user is frozen"),
        (299, sign(DELETE_BOB, bobs), "IAM permission denied"),
        (1901, sign({"Action": "DeleteAccessKey", "AccessKeyID": dead.id}, key), "Access key not found"),
        (1902, sign({"Action": "CreateAccessKey", **BOB}, key), "Access key limit of 2 reached"),
        (1904, sign({"Action": "DeleteAccessKey", "AccessKeyID": key.id}, key), "Last administrator key"),
        (11021, sign({"Action": "DeleteUser", "UserName": "nobody"}, key), "User [nobody] not found"),
        (11208, sign({"Action": "UpdateUser", **BOB, "NewUserName": "carol"}, key), "User [carol] already exists"),
    ]:
        for answer in [
            post(server, request),
            send(server, "GET", "/scloud?" + form(request)),
            send(server, "POST", "/scloud", json.dumps(request), JSON),
        ]:
            assert code_of(answer) == code and answer.json["Message"] == message, (code, request, answer)
            known = code in [160, 161] or answer.json["Action"] == request["Action"] + "Response"
            assert known, answer
    assert picture(server) == before
    # Whoever holds a bearer token and no key has not signed.
    bearer = {**FORM, "Authorization": "Bearer abc"}
    assert code_of(send(server, "POST", "/scloud", form(DELETE_BOB), bearer)) == 170


keyward_server.run(
    every_form_of_a_request_is_understood,
    the_vendors_own_examples_are_answered_as_his_tables_say,
    values_are_signed_as_each_client_writes_them,
    what_cannot_be_read_is_refused,
    lists_and_objects_are_signed_but_never_taken,
    a_signature_has_one_spelling,
    a_captured_signature_fits_no_shifted_request,
    every_refusal_has_its_code_and_changes_nothing,
)
