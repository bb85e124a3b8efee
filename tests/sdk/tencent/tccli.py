"""The official command line, as an operator types it."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

import keyward_server
from _tencent import Key, admin_key

PROGRAM = pathlib.Path(sys.executable).with_name("tccli")
# How it says that the server refused.
REFUSED = 255


def tccli(server, action, *options, key=None, path="/tencent"):
    """Runs it; returns its exit code and what it printed."""
    key = key or admin_key(server)
    with tempfile.TemporaryDirectory(prefix="keyward-tccli-") as home:
        environment = {**os.environ, "HOME": home, "NO_PROXY": "*"}
        environment.update(TENCENTCLOUD_SECRET_ID=key.id, TENCENTCLOUD_SECRET_KEY=key.secret)
        command = [PROGRAM, "cam", action, "--region", "ap-guangzhou", "--endpoint", server.url + path, *map(str, options)]
        done = subprocess.run(command, env=environment, capture_output=True, encoding="utf-8", check=False)
    return done.returncode, done.stdout + done.stderr


def ask(server, action, *options, **how):
    """A call that must succeed; what it answered."""
    code, printed = tccli(server, action, *options, **how)
    assert code == 0, printed
    return json.loads(printed)


def the_printed_key_lists_keys(server):
    key = admin_key(server)
    for path in ["/tencent", "/tencent/", "", "/"]:
        listed = ask(server, "ListAccessKeys", path=path)
        # The shape of the cloud's documentation.
        assert set(listed) == {"AccessKeys", "RequestId"}, listed
        row, = listed["AccessKeys"]
        assert row["AccessKeyId"] == key.id and row["Status"] == "Active" and len(row["CreateTime"]) == 19, row


def a_user_and_his_keys(server):
    added = ask(server, "AddUser", "--Name", "bob", "--UseApi", 1, "--Remark", "财务 管理")
    server.secrets.add(added["SecretKey"])
    bob = Key(added["SecretId"], added["SecretKey"])
    made = ask(server, "CreateAccessKey", "--Description", "ci/build-server", key=bob)["AccessKey"]
    server.secrets.add(made["SecretAccessKey"])
    first = ["--AccessKeyId", bob.id, "--TargetUin", added["Uin"]]
    ask(server, "UpdateAccessKey", *first, "--Status", "Inactive")
    code, printed = tccli(server, "ListAccessKeys", key=bob)
    assert code == REFUSED and "code:AuthFailure.SecretIdNotFound" in printed and "requestId:" in printed, printed
    ask(server, "DeleteAccessKey", *first)
    used = ask(server, "GetSecurityLastUsed", "--SecretIdList", json.dumps([made["AccessKeyId"], bob.id]))
    row, = used["SecretIdLastUsedRows"]
    assert row["LastUsedDate"] is None and row["SecretId"] == made["AccessKeyId"], used
    assert ask(server, "GetUser", "--Name", "bob")["Remark"] == "财务 管理"
    ask(server, "DeleteUser", "--Name", "bob", "--Force", 1)
    assert [user["Name"] for user in ask(server, "ListUsers")["Data"]] == ["admin"]


def refusals_name_their_code(server):
    code, printed = tccli(server, "ListAccessKeys", "--TargetUin", 100000000001)
    assert code == REFUSED and "code:InvalidParameter.UserNotExist" in printed, printed
    code, printed = tccli(server, "ListAccessKeys", key=Key(admin_key(server).id, "wrong"))
    assert code == REFUSED and "code:AuthFailure.SignatureFailure" in printed, printed


keyward_server.run(the_printed_key_lists_keys, a_user_and_his_keys, refusals_name_their_code)
