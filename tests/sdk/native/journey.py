"""The story of an organisation's keys, told by requests that botocore signs."""

import urllib.parse

from _native import Client
from keyward_server import run


def an_administrator_gives_a_user_a_key_and_takes_it_back(server):
    admin = Client(server)
    who = admin.call("GET", "/whoami")
    assert (who["account"]["name"], who["user"]["name"], who["user"]["role"]) == ("default", "admin", "admin"), who

    made = admin.call("POST", "/users", {"name": "bob", "email": "bob@example.org"}, 201)
    assert made["access_key"] is None and made["user"]["role"] == "member", made
    key = admin.call("POST", "/users/bob/access-keys", {"description": "laptop"}, 201)
    assert key["id"].startswith("KW") and len(key["id"]) == 28 and len(key["secret"]) == 43, key

    bob = Client(server, (key["id"], key["secret"]))
    assert bob.call("GET", "/whoami")["user"]["name"] == "bob"
    assert bob.refused("GET", "/users") == (403, "denied")
    listed = bob.call("GET", "/users/bob/access-keys")["items"]
    assert [item["id"] for item in listed] == [key["id"]] and "secret" not in listed[0], listed
    assert listed[0]["last_used"]["operation"] == "ListUserAccessKeys", listed

    changed = admin.call("PATCH", f"/access-keys/{key['id']}", {"status": "inactive"})
    assert changed["state"] == "inactive", changed
    assert bob.refused("GET", "/whoami") == (403, "access-key-unusable")
    admin.call("PATCH", f"/access-keys/{key['id']}", {"status": "active"})
    admin.call("DELETE", f"/access-keys/{key['id']}", expect=204)
    assert bob.refused("GET", "/whoami") == (401, "credential-refused")
    assert admin.refused("DELETE", f"/access-keys/{key['id']}") == (404, "access-key-not-found")
    admin.call("DELETE", "/users/bob", expect=204)
    assert admin.refused("GET", "/users/bob") == (404, "user-not-found")


def users_are_walked_page_by_page(server):
    admin = Client(server)
    names = ["admin"] + [f"user-{number}" for number in range(7)]
    for name in names[1:]:
        admin.call("POST", "/users", {"name": name}, 201)
    seen, cursor = [], ""
    while cursor is not None:
        page = admin.call("GET", f"/users?limit=3&cursor={cursor}")
        seen += [user["name"] for user in page["items"]]
        cursor = page["next_cursor"]
    assert seen == names, seen
    assert admin.refused("GET", "/users?cursor=00") == (400, "invalid-cursor")


def roles_are_given_and_taken(server):
    admin = Client(server)
    audrey = admin.member("audrey", role="auditor")
    assert audrey.call("GET", "/users")["items"][1]["role"] == "auditor"
    assert audrey.refused("POST", "/users", {"name": "eve"}) == (403, "denied")
    admin.call("PATCH", "/users/audrey", {"role": "admin"})
    audrey.call("POST", "/users", {"name": "eve"}, 201)
    assert audrey.refused("PATCH", "/users/admin", {"role": "member"}) == (403, "root-only")
    assert admin.refused("PATCH", "/users/admin", {"role": "member"}) == (400, "invalid-value")


def ssh_keys_and_a_password_are_kept_for_a_user(server):
    admin = Client(server)
    bob = admin.member("bob")
    line = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHtSMNsTEDaDHOUScu2iesNV77ifB9+VbWfGW2TEB5HL bob@laptop"
    made = bob.call("POST", "/users/bob/ssh-keys", {"title": "laptop", "key": line, "sources": ["192.0.2.0/24"]}, 201)
    assert made["key"] == line and made["state"] == "active" and made["sources"] == ["192.0.2.0/24"], made
    assert admin.refused("POST", "/users/admin/ssh-keys", {"title": "mine", "key": line}) == (409, "ssh-key-taken")
    fingerprint = urllib.parse.quote(made["fingerprint"], safe="")
    found = admin.call("GET", f"/ssh-keys?fingerprint={fingerprint}")
    assert [(key["id"], key["user"]) for key in found["items"]] == [(made["id"], "bob")], found
    done = admin.call("POST", "/ssh-keys/disable-all")
    assert done == {"disabled": 1, "kept": 0, "next_cursor": None}, done
    assert bob.call("PATCH", f"/ssh-keys/{made['id']}", {"status": "active"})["state"] == "active"
    bob.call("DELETE", f"/ssh-keys/{made['id']}", expect=204)
    assert bob.call("GET", "/users/bob/ssh-keys") == {"items": [], "next_cursor": None}
    bob.call("PUT", "/users/bob/password", {"password": "correct horse battery staple"}, 204)


def only_what_is_signed_for_this_service_is_taken(server):
    key = Client(server).key
    assert Client(server, key, service="iam").refused("GET", "/whoami") == (401, "credential-malformed")
    assert Client(server, (key.id, key.secret + "x")).refused("GET", "/whoami") == (401, "credential-refused")
    assert Client(server, (key.id + "x", key.secret)).refused("GET", "/whoami") == (401, "credential-refused")
    for region in ("", "eu-central-1", "aws-global"):
        Client(server, key, region=region).call("GET", "/whoami")
    headers = {"X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD"}
    assert Client(server, key).refused("POST", "/users", {"name": "eve"}, headers) == (401, "credential-malformed")


run(
    an_administrator_gives_a_user_a_key_and_takes_it_back,
    users_are_walked_page_by_page,
    roles_are_given_and_taken,
    ssh_keys_and_a_password_are_kept_for_a_user,
    only_what_is_signed_for_this_service_is_taken,
)
