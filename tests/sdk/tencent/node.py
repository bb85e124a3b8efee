"""The official Node.js client. It signs the host without its port, the path as it is, and takes the first part of the
endpoint's name for the service, so it is the one that needs the most of what the dialect tolerates."""

import json
import pathlib
import subprocess
import urllib.parse

import keyward_server
from _tencent import UIN_BASE, Key, admin_key

SCRIPT = pathlib.Path(__file__).with_name("_client.js")
WAYS = [(signature, method) for signature in ["TC3-HMAC-SHA256", "HmacSHA256", "HmacSHA1"] for method in ["POST", "GET"]]


def calls(server, *wanted, key=None, path="/tencent", signature="TC3-HMAC-SHA256", method="POST", host=None):
    """The results of calls, made one after the other by one client."""
    address = urllib.parse.urlsplit(server.url)
    endpoint = f"{host or address.hostname}:{address.port}{path}"
    http = {"endpoint": endpoint, "protocol": "http://", "reqMethod": method}
    profile = {"signMethod": signature, "httpProfile": http, "language": "en-US"}
    asked = {"profile": profile, "key": key or admin_key(server), "calls": wanted}
    done = subprocess.run(["node", SCRIPT], input=json.dumps(asked), capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def answers(server, *wanted, **how):
    """The same; all of them must succeed."""
    results = calls(server, *wanted, **how)
    assert all("answer" in result for result in results), results
    return [result["answer"] for result in results]


def every_signature_method_and_address(server):
    key = admin_key(server)
    for host in ["127.0.0.1", "localhost"]:
        for path in ["", "/tencent"]:
            for signature, method in WAYS:
                how = {"host": host, "path": path, "signature": signature, "method": method}
                listed, last = calls(
                    server, ("ListAccessKeys", {}), ("GetSecurityLastUsed", {"SecretIdList": [key.id, "none"]}), **how
                )
                assert [row["AccessKeyId"] for row in listed["answer"]["AccessKeys"]] == [key.id], (how, listed)
                assert last["answer"]["SecretIdLastUsedRows"][0]["SecretId"] == key.id, (how, last)


def a_user_and_his_keys(server):
    added, = answers(server, ("AddUser", {"Name": "bob", "UseApi": 1, "Remark": "中文"}))
    server.secrets.add(added["SecretKey"])
    bob = Key(added["SecretId"], added["SecretKey"])
    made, = answers(server, ("CreateAccessKey", {"Description": "构建-1"}), key=bob)
    server.secrets.add(made["AccessKey"]["SecretAccessKey"])
    second = Key(made["AccessKey"]["AccessKeyId"], made["AccessKey"]["SecretAccessKey"])
    third, = calls(server, ("CreateAccessKey", {"TargetUin": 0}), key=bob)
    assert third["code"] == "OperationDenied.AccessKeyOverLimit" and third["requestId"], third
    first = {"AccessKeyId": bob.id, "TargetUin": 0}
    answers(server, ("UpdateAccessKey", {"Status": "Inactive", **first}), ("DeleteAccessKey", first), key=second)
    gone, = calls(server, ("ListAccessKeys", {}), key=bob)
    assert gone["code"] == "AuthFailure.SecretIdNotFound", gone
    user, listed, whole = answers(
        server, ("GetUser", {"Name": "bob"}), ("ListAccessKeys", {"TargetUin": added["Uin"]}), ("ListUsers", {})
    )
    assert user["Remark"] == "中文" and len(whole["Data"]) == 2, (user, whole)
    assert [key["Description"] for key in listed["AccessKeys"]] == ["构建-1"], listed
    has_keys, = calls(server, ("DeleteUser", {"Name": "bob"}))
    assert has_keys["code"] == "OperationDenied.HaveKeys", has_keys
    answers(server, ("DeleteUser", {"Name": "bob", "Force": 1}))


def refusals_have_codes(server):
    key = admin_key(server)
    for code, asked, how in [
        ("InvalidParameter.UserNotExist", ("ListAccessKeys", {"TargetUin": UIN_BASE + 1}), {}),
        ("UnknownParameter", ("ListAccessKeys", {"Target": 1}), {}),
        ("MissingParameter", ("GetUser", {}), {}),
        ("AuthFailure.SignatureFailure", ("ListAccessKeys", {}), {"key": Key(key.id, "wrong")}),
        ("AuthFailure.SecretIdNotFound", ("ListAccessKeys", {}), {"key": Key("AKIDnone", "x")}),
        ("AuthFailure.TokenFailure", ("ListAccessKeys", {}), {"key": [*key, "some-token"]}),
    ]:
        result, = calls(server, asked, **how)
        assert result.get("code") == code and result["requestId"], (code, result)


keyward_server.run(every_signature_method_and_address, a_user_and_his_keys, refusals_have_codes)
