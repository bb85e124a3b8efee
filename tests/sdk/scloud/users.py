"""Users through the official SDK: quota, paging, names, freezing, deletion, login profiles."""

import keyward_server
from _scloud import ADMIN, Key, client, create_key, create_user, key_ids, member, refused


@keyward_server.with_settings(LIMITS__ACCESS_KEYS_PER_USER=3)
def a_user_has_so_many_keys(server):
    admin = client(server)
    create_user(admin, "bob")
    made = [create_key(server, admin, "bob") for _ in range(3)]
    assert refused(1902, admin.invoke, "CreateAccessKey", {"UserName": "bob"}) == "Access key limit of 3 reached"
    # A disabled key counts, a deleted one does not.
    admin.invoke("UpdateAccessKey", {"AccessKeyID": made[0].id, "Status": "Inactive"})
    refused(1902, admin.invoke, "CreateAccessKey", {"UserName": "bob"})
    admin.invoke("DeleteAccessKey", {"AccessKeyID": made[0].id})
    fourth = create_key(server, admin, "bob")
    assert key_ids(admin, "bob") == [made[1].id, made[2].id, fourth.id]


def two_keys_unless_set_otherwise(server):
    _, bob = member(server, "bob")
    create_key(server, bob, "bob")
    assert refused(1902, bob.invoke, "CreateAccessKey", {"UserName": "bob"}) == "Access key limit of 2 reached"


@keyward_server.with_settings(LIMITS__USERS_PER_ACCOUNT=2)
def an_account_has_so_many_users(server):
    admin = client(server)
    create_user(admin, "bob")
    more = {"UserName": "carol", "AccessKeyStatus": "Active", "LoginProfileStatus": "Active"}
    assert refused(1903, admin.invoke, "CreateUser", more) == "User limit of 2 reached"
    admin.invoke("DeleteUser", {"UserName": "bob"})
    server.secrets.add(admin.invoke("CreateUser", more)["AccessKeySecret"])


def users_come_in_pages(server):
    admin = client(server)
    names = [ADMIN] + [f"user{number}" for number in range(12)]
    for name in names[1:]:
        create_user(admin, name)

    def page(**arguments):
        answer = admin.invoke("ListUsers", arguments)
        assert answer["TotalCount"] == len(names), answer
        return [user["UserName"] for user in answer["Users"]]

    assert page() == names[:10]
    assert page(Limit=5) == names[:5]
    assert page(Limit=5, Offset=10) == names[10:]
    assert page(Limit=100) == names
    assert page(Limit="1", Offset="12") == names[12:]
    assert page(Offset=13) == page(Offset=2**62) == []
    assert [name for offset in range(0, 16, 4) for name in page(Limit=4, Offset=offset)] == names
    typed = admin.iam().list_users({"Limit": 3, "Offset": 2})
    assert [user["UserName"] for user in typed["Users"]] == names[2:5] and typed["TotalCount"] == 13, typed

    for wrong in [0, 101, -1, 10**30, "ten", "1.5", "05", "+5", " 5", "５", "", True]:
        assert refused(230, admin.invoke, "ListUsers", {"Limit": wrong}) == "Params [Limit] not available", wrong
    for wrong in [-1, 2**63, "none", ""]:
        assert refused(230, admin.invoke, "ListUsers", {"Offset": wrong}) == "Params [Offset] not available", wrong


def names_are_unique_and_narrow(server):
    admin = client(server)
    create_user(admin, "bob")
    for same in ["bob", "BOB", "Bob"]:
        assert refused(11208, create_user, admin, same) == f"User [{same}] already exists"
    for name in ["a", "_", "0", "Ann.Lee@example-1.org", "x" * 64]:
        create_user(admin, name)
        assert admin.invoke("GetUser", {"UserName": name})["User"]["UserName"] == name
    for wrong in ["x" * 65, "a b", "a+b", "é", ".", "..", ".a", "-a", "@a", "a/b", "a\n", "a\x00", "*", "李"]:
        assert refused(230, create_user, admin, wrong) == "Params [UserName] not available", wrong
    refused(220, create_user, admin, "")
    # Found as written, not as similar.
    assert refused(11021, admin.invoke, "GetUser", {"UserName": "BOB"}) == "User [BOB] not found"


def nobody_is_found_by_no_action(server):
    admin = client(server)
    for action, more in [
        ("GetUser", {}),
        ("ListAccessKeys", {}),
        ("CreateAccessKey", {}),
        ("UpdateUser", {"Status": "Frozen"}),
        ("DeleteUser", {}),
        ("GetLoginProfile", {}),
        ("UpdateLoginProfile", {"Status": "Active"}),
    ]:
        assert refused(11021, admin.invoke, action, {"UserName": "nobody", **more}) == "User [nobody] not found", action


def a_renamed_user_keeps_his_keys(server):
    admin = client(server)
    key, with_key = member(server, "bob")
    number = admin.invoke("ListAccessKeys", {"UserName": "bob"})["AccessKey"][0]["UserId"]
    create_user(admin, "carol")
    refused(11208, admin.invoke, "UpdateUser", {"UserName": "bob", "NewUserName": "Carol"})
    admin.iam().update_user({"UserName": "bob", "NewUserName": "robert", "DisplayName": "Robert ☂"})
    refused(11021, admin.invoke, "GetUser", {"UserName": "bob"})
    refused(299, with_key.invoke, "GetUser", {"UserName": "bob"})
    assert with_key.invoke("GetUser", {"UserName": "robert"})["User"]["DisplayName"] == "Robert ☂"
    listed = with_key.invoke("ListAccessKeys", {"UserName": "robert"})["AccessKey"]
    assert [(key["AccessKeyID"], key["UserId"]) for key in listed] == [(key.id, number)], listed
    # Only the letter case of his own name, and the old name is free for another.
    admin.invoke("UpdateUser", {"UserName": "robert", "NewUserName": "Robert"})
    create_user(admin, "bob")
    assert key_ids(admin, "bob") == []


def a_frozen_user_may_do_nothing(server):
    admin = client(server)
    key, bob = member(server, "bob")
    admin.invoke("UpdateUser", {"UserName": "bob", "Status": "Frozen"})
    assert refused(299, bob.invoke, "GetUser", {"UserName": "bob"}) == "The user is frozen"
    assert admin.invoke("GetUser", {"UserName": "bob"})["User"]["Status"] == "Frozen"
    assert admin.invoke("ListAccessKeys", {"UserName": "bob"})["AccessKey"][0]["Status"] == "Active"
    # A key made meanwhile does not help him.
    refused(299, client(server, create_key(server, admin, "bob")).invoke, "GetUser", {"UserName": "bob"})
    admin.invoke("UpdateUser", {"UserName": "bob", "Status": "Active"})
    assert key.id in key_ids(bob, "bob")


def a_deleted_user_takes_his_keys_along(server):
    admin = client(server)
    key, bob = member(server, "bob")
    admin.iam().delete_user({"UserName": "bob"})
    refused(172, bob.invoke, "GetUser", {"UserName": "bob"})
    refused(11021, admin.invoke, "ListAccessKeys", {"UserName": "bob"})
    refused(1901, admin.invoke, "UpdateAccessKey", {"AccessKeyID": key.id, "Status": "Active"})
    refused(11021, admin.invoke, "DeleteUser", {"UserName": "bob"})
    # Another user of the same name is somebody else.
    create_user(admin, "bob")
    assert key_ids(admin, "bob") == []
    refused(172, bob.invoke, "GetUser", {"UserName": "bob"})


def a_user_can_be_made_with_his_first_key(server):
    admin = client(server)
    made = create_user(admin, "bob", AccessKeyStatus="Active", LoginProfileStatus="Active", DisplayName="Bob B.")
    server.secrets.add(made["AccessKeySecret"])
    assert made["APIAccess"] is True and made["ConsoleAccess"] is True and made["DisplayName"] == "Bob B.", made
    bob = client(server, Key(made["AccessKeyID"], made["AccessKeySecret"]))
    assert key_ids(bob, "bob") == [made["AccessKeyID"]]
    # As the Terraform provider's own example sends it; the vendor's example spells the word "Inactivate".
    for name, status in [("carol", "Inactive"), ("dave", "Inactivate")]:
        made = create_user(admin, name, AccessKeyStatus=status)
        assert made["APIAccess"] is False and made["AccessKeyID"] == made["AccessKeySecret"] == "", made
    listed = {user["UserName"]: user["APIAccess"] for user in admin.invoke("ListUsers")["Users"]}
    assert listed == {ADMIN: True, "bob": True, "carol": False, "dave": False}, listed


def a_login_profile_is_kept(server):
    admin = client(server)
    iam = admin.iam()
    create_user(admin, "bob", MFABindRequired=True, PasswordResetRequired=False, Password="correct horse battery")
    before = iam.get_login_profile({"UserName": "bob"})["LoginProfile"]
    assert before == {"Status": "Inactive", "MaxPasswordAge": 0, "MFABindRequired": True}, before
    email = admin.invoke("GetUser", {"UserName": "bob"})["User"]["Email"]
    assert email.startswith("bob@") and email.endswith(".apiuser.ucloud.cn"), email

    change = {
        "UserName": "bob",
        "Status": "Active",
        "MaxPasswordAge": 90,
        "MFABindRequired": False,
        "UserEmail": "bob@example.org",
    }
    iam.update_login_profile(change)
    answered = admin.invoke("UpdateLoginProfile", {"UserName": "bob", "PasswordResetRequired": True})["LoginProfile"]
    after = {"Status": "Active", "MaxPasswordAge": 90, "MFABindRequired": False, "PasswordResetRequired": True}
    assert answered == admin.invoke("GetLoginProfile", {"UserName": "bob"})["LoginProfile"] == after, answered
    assert admin.invoke("GetUser", {"UserName": "bob"})["User"]["Email"] == "bob@example.org"
    assert [user["ConsoleAccess"] for user in admin.invoke("ListUsers")["Users"]] == [False, True]
    server.secrets.add("correct horse battery")


keyward_server.run(
    a_user_has_so_many_keys,
    two_keys_unless_set_otherwise,
    an_account_has_so_many_users,
    users_come_in_pages,
    names_are_unique_and_narrow,
    nobody_is_found_by_no_action,
    a_renamed_user_keeps_his_keys,
    a_frozen_user_may_do_nothing,
    a_deleted_user_takes_his_keys_along,
    a_user_can_be_made_with_his_first_key,
    a_login_profile_is_kept,
)
