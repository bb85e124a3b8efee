"""Around the requests, over plain HTTP: sizes, methods, paths, hosts, rates, and what the log makes of strangers."""

import json
import urllib.parse

import keyward_server
from _scloud import FORM, JSON, Key, admin_key, client, code_of, create_user, form, names_of, picture, post, send, sign

DELETE_BOB = {"Action": "DeleteUser", "UserName": "bob"}


@keyward_server.with_settings(
    RATE_LIMIT__FAILED_AUTHENTICATIONS_PER_SECOND=1, RATE_LIMIT__FAILED_AUTHENTICATIONS_BURST=1
)
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
            assert code_of(answer, status=413) == 230 and answer.json["Message"] == "The body is too large", (
                target,
                answer,
            )
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
    assert send(server, "POST", "/").status == 404
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
    for request in [
        {"Action": "ListUsers", "Force": 1},
        {"Action": "GetUser", "UserName": "nobody"},
        {"Action": "ListUsers"},
    ]:
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
    assert send(server, "POST", "/", headers={"Host": "other.example.org"}).status == 404


keyward_server.run(
    guessing_is_slowed_down_and_a_good_signature_passes,
    a_key_may_have_a_rate,
    a_large_body_is_refused,
    other_methods_and_paths_are_refused,
    the_log_knows_strangers_from_callers,
    get_can_be_switched_off,
    a_host_name_can_belong_to_the_dialect,
)
