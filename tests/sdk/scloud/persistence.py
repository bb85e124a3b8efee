"""What an answer has promised is still true after the server was stopped, or killed, and started again."""

import time

import keyward_server
from _scloud import ADMIN, Key, admin_key, client, create_key, create_user, key_ids, picture, refused

GIVEN = Key("chosen-by-the-operator", "a-secret-of-the-operators-own-choice")


def some_history(server):
    """Users and keys in every state, and what a client that uses each key is told afterwards."""
    admin = client(server)
    for name in ["bob", "carol", "dave", "erin"]:
        create_user(admin, name, DisplayName=f"{name} ☂")
    good, off, dead, frozen, gone = (
        create_key(server, admin, name) for name in ["bob", "bob", "carol", "dave", "erin"]
    )
    admin.invoke("UpdateAccessKey", {"AccessKeyID": good.id, "Description": "kept"})
    admin.invoke("UpdateAccessKey", {"AccessKeyID": off.id, "Status": "Inactive"})
    admin.invoke("DeleteAccessKey", {"AccessKeyID": dead.id})
    admin.invoke("UpdateUser", {"UserName": "dave", "Status": "Frozen", "NewUserName": "david"})
    admin.invoke("UpdateLoginProfile", {"UserName": "bob", "Status": "Active", "MaxPasswordAge": 90})
    admin.invoke("DeleteUser", {"UserName": "erin"})
    return {good: 0, off: 299, dead: 172, frozen: 299, gone: 172}


def every_key_is_answered(server, expected):
    for key, code in expected.items():
        call = client(server, key).invoke
        if code == 0:
            call("GetRegion")
        else:
            refused(code, call, "GetRegion")


def everything_survives(server, end):
    admin, expected = admin_key(server), some_history(server)
    every_key_is_answered(server, expected)
    before = picture(server, admin)
    for _ in range(2):
        end()
        server.start()
        assert picture(server, admin) == before
        every_key_is_answered(server, expected)
        assert "export" not in server.announcement and admin.id not in server.announcement, server.announcement
    # Quotas and names count what was there before.
    again = client(server, admin)
    refused(1902, again.invoke, "CreateAccessKey", {"UserName": "bob"})
    refused(11208, create_user, again, "DAVID")
    create_key(server, again, "carol")
    create_user(again, "erin")
    assert key_ids(again, "erin") == []


def a_stopped_server_comes_back_as_it_was(server):
    everything_survives(server, server.stop)


def a_killed_server_comes_back_as_it_was(server):
    everything_survives(server, server.kill)


def a_request_signed_before_the_start_is_no_use_after_it(server):
    admin = admin_key(server)
    signed = {"Timestamp": int(time.time()) + 1, "Nonce": "once"}
    client(server, admin).invoke("ListUsers", dict(signed))
    refused(171, client(server, admin).invoke, "ListUsers", dict(signed))
    server.stop()
    server.start()
    # Whether the nonce was used cannot be known any more; what has none is not affected.
    signed["Timestamp"] -= 2
    told = refused(171, client(server, admin).invoke, "ListUsers", dict(signed))
    assert told.endswith("signed before the server started, sign again"), told
    client(server, admin).invoke("ListUsers", {"Timestamp": signed["Timestamp"]})


@keyward_server.with_settings(
    BOOTSTRAP_ACCESS_KEY_ID=GIVEN.id, BOOTSTRAP_SECRET_ACCESS_KEY=GIVEN.secret, LIMITS__ACCESS_KEYS_PER_USER=1
)
def the_operator_chooses_the_first_key(server):
    server.secrets.add(GIVEN.secret)
    assert GIVEN.secret not in server.announcement and GIVEN.id in server.announcement, server.announcement
    admin = client(server, GIVEN)
    assert key_ids(admin, ADMIN) == [GIVEN.id]
    create_user(admin, "bob")
    # Later starts do not look at it.
    server.stop()
    server.environment["KEYWARD_BOOTSTRAP_SECRET_ACCESS_KEY"] = "another-secret-that-nobody-uses"
    server.start()
    assert GIVEN.id not in server.announcement, server.announcement
    assert [user["UserName"] for user in client(server, GIVEN).invoke("ListUsers")["Users"]] == [ADMIN, "bob"]
    refused(171, client(server, Key(GIVEN.id, "another-secret-that-nobody-uses")).invoke, "ListUsers")


keyward_server.run(
    a_stopped_server_comes_back_as_it_was,
    a_killed_server_comes_back_as_it_was,
    a_request_signed_before_the_start_is_no_use_after_it,
    the_operator_chooses_the_first_key,
)
