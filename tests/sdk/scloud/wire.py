"""What no SDK sends or shows, over plain HTTP: every form of a request, every refusal, and that none changes the store."""

import json
import urllib.parse

import keyward_server
from _scloud import FORM, JSON, Key, admin_key, client, create_key, create_user, form, picture, post, send, sign, signed_text

BOB = {"UserName": "bob"}
DELETE_BOB = {"Action": "DeleteUser", **BOB}


def code_of(answer, status=200):
    """The RetCode of a refusal, which must have the vendor's form."""
    assert answer.status == status, answer
    assert answer.headers["Content-Type"] == "application/json", answer
    assert answer.headers["Cache-Control"] == "no-store", answer
    assert len(answer.headers["X-UCLOUD-REQUEST-UUID"]) == 32, answer
    assert type(answer.json["RetCode"]) is int and answer.json["RetCode"] != 0, answer
    assert type(answer.json["Message"]) is str and answer.json["Message"], answer
    return answer.json["RetCode"]


def names_of(answer):
    """The names that a successful ListUsers shows."""
    assert answer.status == 200 and answer.json["RetCode"] == 0, answer
    return [user["UserName"] for user in answer.json["Users"]]


def every_form_of_a_request_is_understood(server):
    create_user(client(server), "bob")
    key = admin_key(server)
    users = {"Action": "ListUsers", "Limit": 5, "Offset": 1, "Region": "a b".replace(" ", "-")}
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
            send(server, "POST", f"{prefix}?Action=ListUsers", json.dumps(flat, indent=1), {"Content-Type": "application/json; charset=utf-8"}),
        ]:
            assert names_of(answer) == ["bob"], (prefix, answer)


def values_are_signed_as_each_client_writes_them(server):
    key = admin_key(server)
    text = "ü <b>&c</b> +%2B/=~*'\" \u2028 😀"
    for number, encode in enumerate([
        lambda request: ("GET", "/scloud?" + form(request), "", {}),
        lambda request: ("GET", "/scloud?" + form(request).replace("+", "%20"), "", {}),
        lambda request: ("POST", "/scloud", form(request), FORM),
        lambda request: ("POST", "/scloud", json.dumps(request), JSON),
        lambda request: ("POST", "/scloud", json.dumps(request, ensure_ascii=False), JSON),
        lambda request: ("POST", "/scloud", json.dumps(request).replace("<", "\\u003c").replace("&", "\\u0026"), JSON),
    ]):
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
    # A form that calls itself JSON has no parameters to speak of, so only a form without an action is without an action.
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
        assert code_of(answer) == 230 and answer.json["Message"] == f"Params [{name}] not available", (parameters, answer)
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
    # Any change of what is signed, also of letter case, and what was sent unlike it was signed.
    for change in [{"UserName": "Bob"}, {"Action": "GetUser"}, {"PublicKey": key.id}, {"Region": "x"}]:
        answer = post(server, {**good, **change})
        assert answer.json["RetCode"] == (0 if change == {"PublicKey": key.id} else 171), (change, answer)
        if change == {"PublicKey": key.id}:
            create_user(client(server), "bob")
    flags = {"Action": "UpdateLoginProfile", **BOB, "MFABindRequired": True}
    as_python_prints_it = form(sign(flags, key)).replace("MFABindRequired=true", "MFABindRequired=True")
    assert code_of(send(server, "POST", "/scloud", as_python_prints_it, FORM)) == 171
    assert [user["UserName"] for user in picture(server)["users"]] == [user["UserName"] for user in before["users"]]


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


@keyward_server.with_settings(RATE_LIMIT__FAILED_AUTHENTICATIONS_PER_SECOND=1, RATE_LIMIT__FAILED_AUTHENTICATIONS_BURST=1)
def guessing_is_slowed_down_and_a_good_signature_passes(server):
    right = admin_key(server)
    guess = sign({"Action": "ListUsers"}, Key(right.id, "wrong"))
    codes = [code_of(post(server, guess)) for _ in range(50)]
    assert codes[0] == 171 and 153 in codes and set(codes) == {171, 153}, codes
    assert names_of(post(server, sign({"Action": "ListUsers"}, right))) == ["admin"]


@keyward_server.with_settings(RATE_LIMIT__REQUESTS_PER_SECOND=1, RATE_LIMIT__REQUESTS_BURST=1)
def a_key_may_have_a_rate(server):
    answers = [post(server, sign({"Action": "ListUsers"}, admin_key(server))) for _ in range(50)]
    assert names_of(answers[0]) == ["admin"]
    limited = [answer for answer in answers if answer.json["RetCode"] != 0]
    assert limited and all(code_of(answer) == 153 for answer in limited), limited


def a_large_body_is_refused(server):
    create_user(client(server), "bob")
    key, before = admin_key(server), picture(server)
    for target in ["/", "/scloud"]:
        for body, headers in [
            (form(sign({**DELETE_BOB, "Region": "x" * 65 * 1024}, key)), FORM),
            (json.dumps(sign({**DELETE_BOB, "Region": "x" * 65 * 1024}, key)), JSON),
            (form(sign(DELETE_BOB, key)) + "&" * 65 * 1024, FORM),
        ]:
            answer = send(server, "POST", target, body, headers)
            assert code_of(answer, status=413) == 230 and answer.json["Message"] == "The body is too large", (target, answer)
    # As much as fits is read and judged.
    fill = 64 * 1024 - len(form(sign({**DELETE_BOB, "Region": ""}, key)))
    assert code_of(post(server, sign({**DELETE_BOB, "Region": "x" * fill}, key))) == 230
    assert picture(server) == before


def other_methods_and_paths_are_refused(server):
    create_user(client(server), "bob")
    key, before = admin_key(server), picture(server)
    query = form(sign(DELETE_BOB, key))
    for method in ["PUT", "DELETE", "PATCH", "OPTIONS"]:
        for prefix in ["/", "/scloud"]:
            answer = send(server, method, f"{prefix}?{query}")
            assert code_of(answer, status=405) == 230 and answer.headers["Allow"] == "GET, POST", (method, answer)
    answer = send(server, "HEAD", f"/scloud?{query}")
    assert answer.status == 405 and answer.body == b"", answer
    for path in ["/scloud/v1", "/scloud//"]:
        assert code_of(send(server, "GET", f"{path}?{query}"), status=404) == 230, path
    for path in ["/other", "/SCLOUD", "/scloudx", "//"]:
        answer = send(server, "GET", f"{path}?{query}")
        assert answer.status == 404 and answer.headers["Content-Type"].startswith("text/plain"), (path, answer)
    assert send(server, "GET", "/").status == 404
    assert picture(server) == before


@keyward_server.with_settings(LIMITS__BODY_SECONDS=1)
def the_log_knows_strangers_from_callers(server):
    """Lines that anybody can cause are sampled, so they must not look like a caller's."""
    key = admin_key(server)
    strangers = [
        (404, "GET", "/scloud/v1", ""),
        (405, "PUT", "/scloud", ""),
        (413, "POST", "/scloud", "x" * 65 * 1024),
        (408, "POST", "/scloud", None),
        (200, "POST", "/scloud", "Action=%zz"),
        (200, "POST", "/scloud", "Limit=1"),
        (200, "POST", "/scloud", "Action=ListUnicorns"),
    ]
    for status, method, target, body in strangers:
        headers = FORM if body is not None else {**FORM, "Content-Length": "1"}
        assert send(server, method, target, body or b"", headers).status == status, target
    for request in [{"Action": "ListUsers"}, sign({"Action": "ListUsers"}, Key(key.id, "wrong"))]:
        post(server, request)
    for request in [{"Action": "ListUsers", "Force": 1}, {"Action": "GetUser", "UserName": "nobody"}, {"Action": "ListUsers"}]:
        post(server, sign(request, key))
    server.stop()
    # The listener has a line of its own, without a request id, about a body that it gave up.
    outcomes = [line["outcome"] for line in server.log() if line.get("request.id")]
    assert outcomes == ["malformed"] * 7 + ["unauthenticated"] * 2 + ["refused"] * 2 + ["ok"], outcomes


@keyward_server.with_settings(DIALECT__SCLOUD__POST_ONLY="true")
def get_can_be_switched_off(server):
    request = sign({"Action": "ListUsers"}, admin_key(server))
    assert code_of(send(server, "GET", "/scloud?" + form(request))) == 230
    assert names_of(post(server, request)) == ["admin"]


@keyward_server.with_settings(DIALECT__SCLOUD__HOSTS="iam.example.org")
def a_host_name_can_belong_to_the_dialect(server):
    port = urllib.parse.urlsplit(server.url).port
    for host in ["iam.example.org", f"IAM.example.org:{port}"]:
        assert code_of(send(server, "GET", "/", headers={"Host": host})) == 160, host
    assert send(server, "GET", "/", headers={"Host": "other.example.org"}).status == 404


assert signed_text({"b": [1, True], "a": "x"}) == "axb1true"
keyward_server.run(
    every_form_of_a_request_is_understood,
    values_are_signed_as_each_client_writes_them,
    what_cannot_be_read_is_refused,
    lists_and_objects_are_signed_but_never_taken,
    a_signature_has_one_spelling,
    every_refusal_has_its_code_and_changes_nothing,
    guessing_is_slowed_down_and_a_good_signature_passes,
    a_key_may_have_a_rate,
    a_large_body_is_refused,
    other_methods_and_paths_are_refused,
    the_log_knows_strangers_from_callers,
    get_can_be_switched_off,
    a_host_name_can_belong_to_the_dialect,
)
