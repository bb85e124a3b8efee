"""The story of an organisation's keys, told by the official Python SDK, in each of its signatures."""

import contextlib
import re
import sqlite3
import time

import keyward_server
from _tencent import SIGNATURES, UIN_BASE, Key, admin_key, call, client, create_key, keys, member, refused, sister


def a_key_from_its_creation_to_its_end(server):
    admin = client(server)
    uin, _, bob = member(server, "bob")
    assert uin > UIN_BASE
    made = call(admin, "CreateAccessKey", TargetUin=uin, Description="build-server")["AccessKey"]
    server.secrets.add(made["SecretAccessKey"])
    assert re.fullmatch("AKID[0-9A-Za-z]{32}", made["AccessKeyId"]), made
    assert re.fullmatch("[0-9A-Za-z]{32}", made["SecretAccessKey"]), made
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", made["CreateTime"]), made
    assert made["Status"] == "Active" and made["Description"] == "build-server", made
    second = Key(made["AccessKeyId"], made["SecretAccessKey"])
    listed = keys(bob)[second.id]
    assert {**listed, "SecretAccessKey": made["SecretAccessKey"]} == made, listed
    assert call(client(server, second), "GetUserAppId")["Uin"] == str(uin)

    this = {"AccessKeyId": second.id, "TargetUin": uin}
    call(admin, "UpdateAccessKey", Status="Inactive", **this)
    call(admin, "UpdateAccessKey", Status="Inactive", **this)
    assert keys(bob)[second.id]["Status"] == "Inactive"
    refused("AuthFailure.SecretIdNotFound", client(server, second), "ListAccessKeys")
    call(admin, "UpdateAccessKey", Status="Active", **this)
    assert second.id in keys(client(server, second))
    call(admin, "DeleteAccessKey", **this)
    refused("AuthFailure.SecretIdNotFound", client(server, second), "ListAccessKeys")
    refused("ResourceNotFound.SecretNotExist", admin, "DeleteAccessKey", **this)
    assert second.id not in keys(admin, TargetUin=uin)


def a_member_rotates_his_own_key(server):
    _, first, bob = member(server, "bob")
    second = create_key(server, bob)
    assert "up to 2" in refused("OperationDenied.AccessKeyOverLimit", bob, "CreateAccessKey", TargetUin=0)
    renewed = client(server, second)
    # What Terraform keeps when nobody gave a number.
    call(renewed, "UpdateAccessKey", AccessKeyId=first.id, Status="Inactive", TargetUin=0)
    call(renewed, "DeleteAccessKey", AccessKeyId=first.id, TargetUin=0)
    assert list(keys(renewed)) == [second.id]
    refused("AuthFailure.SecretIdNotFound", bob, "ListAccessKeys")


def every_way_to_reach_the_server(server):
    key = admin_key(server)
    for signature in SIGNATURES:
        for method in ["POST", "GET"]:
            for path in ["", "/", "/tencent", "/tencent/"]:
                cam = client(server, signature=signature, method=method, path=path)
                assert list(keys(cam)) == [key.id], (signature, method, path)
                assert refused("InvalidParameter.UserNotExist", cam, "ListAccessKeys", TargetUin=UIN_BASE + 1)


def users_from_the_first_to_the_last_call(server):
    admin = client(server)
    plain = call(admin, "AddUser", Name="bob", Remark="builds", PhoneNum="123", CountryCode="86", Email="bob@example.org")
    assert plain["SecretId"] == plain["SecretKey"] == plain["Password"] == "", plain
    asked = call(admin, "AddUser", Name="日本", ConsoleLogin=1)
    assert len(asked["Password"]) == 32 and asked["SecretId"] == "", asked
    bob = call(admin, "GetUser", Name="bob")
    assert (bob["Uin"], bob["Uid"]) == (plain["Uin"], plain["Uid"]), bob
    assert (bob["Remark"], bob["PhoneNum"], bob["CountryCode"], bob["Email"], bob["ConsoleLogin"]) == (
        "builds", "123", "86", "bob@example.org", 0,
    ), bob
    call(admin, "UpdateUser", Name="bob", Remark="", ConsoleLogin=1)
    bob = call(admin, "GetUser", Name="bob")
    assert (bob["Remark"], bob["PhoneNum"], bob["ConsoleLogin"]) == ("", "123", 1), bob
    listed = call(admin, "ListUsers")["Data"]
    assert [user["Name"] for user in listed] == ["admin", "bob", "日本"], listed
    assert call(admin, "DescribeSubAccounts", FilterSubAccountUin=[plain["Uin"], 5])["SubAccounts"][0]["Name"] == "bob"
    key = create_key(server, admin, TargetUin=plain["Uin"])
    assert key.id in refused("OperationDenied.HaveKeys", admin, "DeleteUser", Name="bob")
    call(admin, "DeleteUser", Name="bob", Force=1)
    refused("AuthFailure.SecretIdNotFound", client(server, key), "ListAccessKeys")
    refused("ResourceNotFound.UserNotExist", admin, "GetUser", Name="bob")
    refused("InvalidParameter.UserNotExist", admin, "ListAccessKeys", TargetUin=plain["Uin"])


def refusals_have_the_codes_of_the_cloud(server):
    admin = client(server)
    uin, key, bob = member(server, "bob")
    other, others_key, carol = member(server, "carol")
    root = int(call(bob, "GetUserAppId")["OwnerUin"])
    for code, cam, action, parameters in [
        ("AuthFailure.UnauthorizedOperation", bob, "ListAccessKeys", {"TargetUin": other}),
        ("AuthFailure.UnauthorizedOperation", bob, "ListAccessKeys", {"TargetUin": UIN_BASE + 1}),
        ("AuthFailure.UnauthorizedOperation", bob, "ListAccessKeys", {"TargetUin": 1}),
        ("AuthFailure.UnauthorizedOperation", bob, "GetUser", {"Name": "bob"}),
        ("AuthFailure.UnauthorizedOperation", bob, "ListUsers", {}),
        ("OperationDenied.SubUin", bob, "ListAccessKeys", {"TargetUin": root}),
        ("ResourceNotFound.SecretNotExist", bob, "DeleteAccessKey", {"AccessKeyId": others_key.id}),
        ("OperationDenied.UinNotMatch", admin, "DeleteAccessKey", {"AccessKeyId": key.id}),
        ("OperationDenied.UinNotMatch", admin, "DeleteAccessKey", {"AccessKeyId": key.id, "TargetUin": other}),
        ("OperationDenied", admin, "DeleteAccessKey", {"AccessKeyId": admin_key(server).id}),
        ("InvalidParameter.UserNotExist", admin, "CreateAccessKey", {"TargetUin": 7}),
        ("InvalidParameter", admin, "ListAccessKeys", {"TargetUin": -1}),
        ("InvalidParameter", admin, "ListAccessKeys", {"TargetUin": 1.5}),
        ("InvalidParameter.ParamError", admin, "UpdateAccessKey", {"AccessKeyId": key.id, "Status": "Off"}),
        ("InvalidParameter.ParamError", admin, "CreateAccessKey", {"Description": "a b"}),
        ("InvalidParameter", admin, "GetSecurityLastUsed", {"SecretIdList": []}),
        ("InvalidParameter", admin, "GetSecurityLastUsed", {"SecretIdList": ["x"] * 11}),
        ("MissingParameter", admin, "UpdateAccessKey", {"AccessKeyId": key.id}),
        ("InvalidParameter.SubUserNameInUse", admin, "AddUser", {"Name": "Bob"}),
        ("InvalidParameter.UserNameIllegal", admin, "AddUser", {"Name": "a b"}),
        ("InvalidParameter.PasswordViolatedRules", admin, "AddUser", {"Name": "dave", "Password": "short"}),
        ("FailedOperation.Unmodifiable", admin, "DeleteUser", {"Name": "admin", "Force": 1}),
        ("AuthFailure.SecretIdNotFound", client(server, Key("AKID" + "x" * 32, key.secret)), "ListAccessKeys", {}),
        ("AuthFailure.SignatureFailure", client(server, Key(key.id, "wrong")), "ListAccessKeys", {}),
        ("AuthFailure.TokenFailure", client(server, token="some"), "ListAccessKeys", {}),
    ]:
        refused(code, cam, action, **parameters)
    assert sorted(keys(admin, TargetUin=uin)) == [key.id] and list(keys(carol)) == [others_key.id]


def an_unsigned_payload_is_taken_from_this_machine(server):
    assert list(keys(client(server, unsigned_payload=True))) == [admin_key(server).id]


@keyward_server.with_settings(DIALECT__TENCENT__UNSIGNED_PAYLOAD="refuse")
def an_unsigned_payload_can_be_refused(server):
    refused("AuthFailure.SignatureFailure", client(server, unsigned_payload=True), "ListAccessKeys")
    assert keys(client(server))


@keyward_server.with_settings(DIALECT__TENCENT__KEY_CHANGES_PER_SECOND=1)
def rates_can_be_set(server):
    admin, codes = client(server), set()
    for _ in range(20):
        try:
            call(admin, "DeleteAccessKey", AccessKeyId="none")
        except Exception as error:
            codes.add(error.code)
    assert "RequestLimitExceeded" in codes, codes
    assert keys(admin)


def the_last_use_is_known_at_once_and_after_a_restart(server):
    admin = client(server)
    uin, key, bob = member(server, "bob")
    idle = create_key(server, admin, TargetUin=uin)

    def rows(cam):
        listed = call(cam, "GetSecurityLastUsed", SecretIdList=[key.id, idle.id, "unknown"])["SecretIdLastUsedRows"]
        return {row["SecretId"]: row for row in listed}

    assert rows(admin)[key.id]["LastUsedDate"] is None
    before = time.time() * 1000
    keys(bob)
    seen = rows(admin)
    assert list(seen) == [key.id, idle.id], seen
    assert abs(seen[key.id]["LastSecretUsedDate"] - before) < 60_000 and seen[key.id]["LastUsedDate"], seen
    assert seen[idle.id]["LastUsedDate"] is None and seen[idle.id]["LastSecretUsedDate"] is None, seen
    server.stop()
    server.start()
    assert rows(client(server, key))[idle.id]["LastUsedDate"] is None
    kept = rows(client(server, idle))
    assert kept[key.id]["LastSecretUsedDate"] >= seen[key.id]["LastSecretUsedDate"], (kept, seen)


def stored_uses(server):
    """How many keys have a last use on disk, as another process sees it."""
    with contextlib.closing(sqlite3.connect(f"file:{server.data_dir}/keyward.db?mode=ro", uri=True)) as store:
        return store.execute("SELECT count(*) FROM last_used").fetchone()[0]


def a_use_is_on_disk_a_second_later_and_survives_a_crash(server):
    administrator = admin_key(server)
    _, key, bob = member(server, "bob")
    keys(bob)
    seen = time.monotonic()
    while stored_uses(server) < 2:
        assert time.monotonic() - seen < 30, "the last use was not written"
        time.sleep(0.02)
    server.kill()
    server.start()
    rows = call(client(server, administrator), "GetSecurityLastUsed", SecretIdList=[key.id])["SecretIdLastUsedRows"]
    assert rows[0]["LastSecretUsedDate"], rows


def sister_services_answer_what_tools_ask(server):
    uin, key, _ = member(server, "bob")
    identity = sister(server, "sts", "2018-08-13", "GetCallerIdentity", {}, key)
    assert identity["UserId"] == str(uin) and identity["Arn"].endswith(f":uin/{uin}"), identity
    asked = {"ServiceType": "cam", "ResourcePrefix": "uin", "ResourceIds": [str(uin)], "Offset": 0, "Limit": 20}
    tags = sister(server, "tag", "2018-08-13", "DescribeResourceTagsByResourceIds", asked)
    assert tags["Tags"] == [] and tags["TotalCount"] == 0 and tags["Limit"] == 20, tags


keyward_server.run(
    a_key_from_its_creation_to_its_end,
    a_member_rotates_his_own_key,
    every_way_to_reach_the_server,
    users_from_the_first_to_the_last_call,
    refusals_have_the_codes_of_the_cloud,
    an_unsigned_payload_is_taken_from_this_machine,
    an_unsigned_payload_can_be_refused,
    rates_can_be_set,
    the_last_use_is_known_at_once_and_after_a_restart,
    a_use_is_on_disk_a_second_later_and_survives_a_crash,
    sister_services_answer_what_tools_ask,
)
