"""The story of an organisation's keys, told by the official SDK: typed calls where it has them."""

import keyward_server
from _scloud import ADMIN, Key, admin_key, client, create_key, create_user, key_ids, member, refused


def a_key_from_its_creation_to_its_end(server):
    iam = client(server).iam()
    created = iam.create_user({"UserName": "bob", "AccessKeyStatus": "Inactive", "LoginProfileStatus": "Inactive"})
    assert created == {"Message": ""}, created
    assert iam.list_access_keys({"UserName": "bob"})["AccessKey"] == []

    made = iam.create_access_key({"UserName": "bob"})["AccessKey"]
    server.secrets.add(made["AccessKeySecret"])
    assert made["Status"] == "Active" and made["Description"] == "" and made["ExpiredAt"] == 0, made
    assert len(made["AccessKeyID"]) == 32 and len(made["AccessKeySecret"]) == 43, made
    assert (made["AccessKeyID"] + made["AccessKeySecret"]).isalnum(), made
    listed = iam.list_access_keys({"UserName": "bob"})["AccessKey"]
    assert listed == [{**made, "AccessKeySecret": ""}], listed

    bob = client(server, Key(made["AccessKeyID"], made["AccessKeySecret"])).iam()
    assert bob.get_user({"UserName": "bob"})["User"]["UserName"] == "bob"

    this = {"AccessKeyID": made["AccessKeyID"]}
    iam.update_access_key({**this, "Status": "Inactive", "Description": "put aside – até março"})
    listed = iam.list_access_keys({"UserName": "bob"})["AccessKey"][0]
    assert (listed["Status"], listed["Description"]) == ("Inactive", "put aside – até março"), listed
    assert refused(299, bob.get_user, {"UserName": "bob"}) == "The access key is inactive"

    iam.update_access_key({**this, "Status": "Active", "Description": ""})
    assert iam.list_access_keys({"UserName": "bob"})["AccessKey"][0]["Description"] == ""
    assert bob.get_user({"UserName": "bob"})["User"]["Status"] == "Active"

    iam.delete_access_key(this)
    assert iam.list_access_keys({"UserName": "bob"})["AccessKey"] == []
    refused(172, bob.get_user, {"UserName": "bob"})
    refused(1901, iam.delete_access_key, this)
    refused(1901, iam.update_access_key, {**this, "Status": "Active"})


def a_member_serves_himself(server):
    first, bob = member(server, "bob")
    assert key_ids(bob, "bob") == [first.id]
    second = create_key(server, bob, "bob")
    assert key_ids(bob, "bob") == [first.id, second.id]

    with_second = client(server, second)
    bob.invoke("UpdateAccessKey", {"AccessKeyID": second.id, "Status": "Inactive"})
    refused(299, with_second.invoke, "GetUser", {"UserName": "bob"})
    bob.invoke("UpdateAccessKey", {"AccessKeyID": second.id, "Status": "Active"})
    # Rotation: the new key removes the old one.
    with_second.invoke("DeleteAccessKey", {"AccessKeyID": first.id})
    refused(172, bob.invoke, "GetUser", {"UserName": "bob"})
    assert key_ids(with_second, "bob") == [second.id]
    # Even the last one: an administrator can give him another.
    with_second.invoke("DeleteAccessKey", {"AccessKeyID": second.id})
    refused(172, with_second.invoke, "GetUser", {"UserName": "bob"})
    assert key_ids(client(server), "bob") == []


def a_member_touches_nobody_else(server):
    admin = client(server)
    _, bob = member(server, "bob")
    carols, _ = member(server, "carol")

    # A name that exists and one that does not are told apart by nothing.
    for action, more in [
        ("GetUser", {}),
        ("ListAccessKeys", {}),
        ("CreateAccessKey", {}),
        ("GetLoginProfile", {}),
        ("UpdateLoginProfile", {"Status": "Active"}),
        ("UpdateUser", {"DisplayName": "x"}),
        ("DeleteUser", {}),
    ]:
        told = {
            refused(299, bob.invoke, action, {"UserName": name, **more}) for name in ["carol", "nobody", ADMIN, "CAROL"]
        }
        assert told == {"IAM permission denied"}, (action, told)
    for action, more in [("UpdateAccessKey", {"Status": "Inactive"}), ("DeleteAccessKey", {})]:
        ids = [carols.id, admin_key(server).id, "there-is-no-such-key"]
        told = {refused(1901, bob.invoke, action, {"AccessKeyID": key_id, **more}) for key_id in ids}
        assert told == {"Access key not found"}, (action, told)

    # What is an administrator's business is not his, even about himself.
    refused(299, bob.invoke, "ListUsers")
    refused(299, bob.invoke, "UpdateUser", {"UserName": "bob", "Status": "Active"})
    refused(299, bob.invoke, "UpdateLoginProfile", {"UserName": "bob", "Status": "Active"})
    refused(299, bob.invoke, "DeleteUser", {"UserName": "bob"})
    refused(
        299, bob.invoke, "CreateUser", {"UserName": "dave", "AccessKeyStatus": "Active", "LoginProfileStatus": "Active"}
    )
    assert bob.invoke("GetLoginProfile", {"UserName": "bob"})["LoginProfile"]["Status"] == "Inactive"
    bob.invoke("GetRegion")
    bob.invoke("GetProjectList")
    assert [user["UserName"] for user in admin.invoke("ListUsers")["Users"]] == [ADMIN, "bob", "carol"]
    assert key_ids(admin, "carol") == [carols.id]


def wrong_credentials_have_the_vendors_codes(server):
    admin, right = client(server), admin_key(server)
    create_user(admin, "bob")
    bobs = create_key(server, admin, "bob")
    for key, code, text in [
        (Key(right.id, right.secret + "x"), 171, "Signature VerifyAC Error"),
        (Key(right.id, bobs.secret), 171, "Signature VerifyAC Error"),
        (Key(right.id.lower(), right.secret), 172, "User Not Exists"),
        (Key("there-is-no-such-key", right.secret), 172, "User Not Exists"),
        (Key("", right.secret), 172, "User Not Exists"),
    ]:
        assert refused(code, client(server, key).invoke, "ListUsers") == text, key
    assert refused(161, admin.invoke, "ListUnicorns") == "Action [ListUnicorns] not found"
    assert refused(161, admin.invoke, "listusers") == "Action [listusers] not found"
    assert refused(160, admin.invoke, "") == "Missing Action"
    # The action is looked at before the key, the key before the signature.
    refused(161, client(server, Key("there-is-no-such-key", "x")).invoke, "ListUnicorns")


def the_last_administrator_stays(server):
    first = admin_key(server)
    admin = client(server)
    create_user(admin, "bob", AccessKeyStatus="Active")
    for action, arguments in [
        ("DeleteAccessKey", {"AccessKeyID": first.id}),
        ("UpdateAccessKey", {"AccessKeyID": first.id, "Status": "Inactive"}),
        ("UpdateUser", {"UserName": ADMIN, "Status": "Frozen"}),
    ]:
        assert refused(1904, admin.invoke, action, arguments) == "Last administrator key", action
    refused(299, admin.invoke, "DeleteUser", {"UserName": ADMIN})
    # Another description is no danger, and with a second key the first may go.
    admin.invoke("UpdateAccessKey", {"AccessKeyID": first.id, "Description": "the first"})
    second = create_key(server, admin, ADMIN)
    successor = client(server, second)
    admin.invoke("UpdateAccessKey", {"AccessKeyID": first.id, "Status": "Inactive"})
    refused(299, admin.invoke, "ListUsers")
    refused(1904, successor.invoke, "DeleteAccessKey", {"AccessKeyID": second.id})
    successor.invoke("DeleteAccessKey", {"AccessKeyID": first.id})
    refused(172, admin.invoke, "ListUsers")
    assert key_ids(successor, ADMIN) == [second.id]


keyward_server.run(
    a_key_from_its_creation_to_its_end,
    a_member_serves_himself,
    a_member_touches_nobody_else,
    wrong_credentials_have_the_vendors_codes,
    the_last_administrator_stays,
)
