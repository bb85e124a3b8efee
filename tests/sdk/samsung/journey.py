"""The story of an organisation's keys, told by a client that was written from the signing rules, over plain HTTP."""

import time

import keyward_server
from _samsung import RECORD, Client, Key, Refused, admin_key, made, refused, shaped

VERSIONS = ["iam 1.0", "iam 1.1", "iam 1.2", "iam 1.3", "iam 1.4"]


def admin(server, **more):
    return Client(server.url + "/samsung", admin_key(server), **more)


def with_key(client, key):
    return Client(client.endpoint, key)


def a_key_from_its_creation_to_its_end(server):
    client = admin(server)
    record = client.create(description="build server")
    key = made(server, record)
    assert record["is_enabled"] is True and record["expiration_timestamp"] == "9999-12-31T23:59:59Z", record
    own = with_key(client, key)
    assert own.show(record["id"]) == {**record, "secret_key": ""}
    assert client.set(record["id"], False)["is_enabled"] is False
    detail = refused(401, "Unauthorized", own.list)
    assert "disabled" in detail, detail
    assert client.set(record["id"], "true")["is_enabled"] is True
    assert "Access key is Enabled." in refused(400, "ValidationError", client.delete, record["id"])
    client.set(record["id"], False)
    client.delete(record["id"])
    refused(404, "NotFound", client.show, record["id"])
    refused(404, "NotFound", client.delete, record["id"])
    refused(401, "Unauthorized", own.list)


def what_the_provider_does(server):
    """create = list, create; read = show; update = set, show; delete = delete."""
    for version in VERSIONS:
        client = admin(server, version=version)
        account = client.list()["access_keys"][0]["account_id"]
        record = client.create(account_id=account, description=version)
        made(server, record)
        assert client.show(record["id"])["description"] == version
        client.set(record["id"], False)
        assert client.show(record["id"])["is_enabled"] is False
        data = client.list(limit="10", sort="created_at:desc", account_id=account, marker="")
        assert [key["id"] for key in data["access_keys"]][0] == record["id"], data
        client.delete(record["id"])
    unsupported = admin(server, version="iam 1.5")
    try:
        unsupported.list()
        raise AssertionError("the SDK would have refused to call")
    except AssertionError as error:
        assert "is an Unsupported version" in str(error), error
    refused(400, "UnsupportedApiVersion", unsupported.bare, "GET", "/v1/access-keys")


def every_way_to_reach_the_server(server):
    key = admin_key(server)
    for base, found in [("/samsung", "/samsung"), ("", "/samsung")]:
        catalogue = Client(server.url + base, key, version=None).bare("GET", "/v1/endpoints", expect=200)
        [endpoint] = catalogue["endpoints"]
        assert set(endpoint) == {"region", "service_name", "service_type", "url"}, endpoint
        assert endpoint["service_type"] == "scp-iam" and endpoint["url"] == server.url + found, endpoint
        assert Client(endpoint["url"], key).list()["access_keys"][0]["access_key"] == key.id
    # At the root, whose version document is another API's; with a slash too many; with the port's other spelling.
    for endpoint in [server.url, server.url + "/", server.url + "/samsung/"]:
        answer = Client(endpoint, key).bare("GET", "/v1/access-keys?sort=created_at:desc", expect=200)
        assert [record["access_key"] for record in answer["access_keys"]] == [key.id], endpoint
    account = answer["access_keys"][0]["account_id"]
    Client(server.url + "/samsung", key, account=account).list()
    refused(403, "Forbidden", Client(server.url + "/samsung", key, account="0" * 32).list)


@keyward_server.with_settings(LIMITS__ACCESS_KEYS_PER_USER=12)
def pages_join(server):
    client = admin(server)
    for number in range(10):
        made(server, client.create(description=f"number {number}"))
    everything = client.list(with_count="true")
    ids = [record["id"] for record in everything["access_keys"]]
    assert everything["count"] == len(ids) == 11 and "next" not in everything["links"], everything
    for limit in range(1, 13):
        seen, marker = [], None
        while True:
            page = client.list(limit=str(limit), **({"marker": marker} if marker else {}))
            seen += [record["id"] for record in page["access_keys"]]
            assert page["count"] is None and len(page["access_keys"]) <= limit, page
            if "next" not in page["links"]:
                break
            marker = seen[-1]
            assert page["links"]["next"].endswith(f"/samsung/v1/access-keys?limit={limit}&marker={marker}"), page
        assert seen == ids, (limit, seen)
    # A link is a URL that can be called as it is.
    first = client.list(limit="3", sort="description:asc,id:asc")["links"]["next"]
    assert first.startswith(client.endpoint), first
    follow = client.bare("GET", first.removeprefix(client.endpoint), expect=200)
    assert len(follow["access_keys"]) == 3, follow
    for query, names in [("limit=0", "limit"), ("sort=secret_key:asc", "secret_key"), ("marker=" + "0" * 32, "marker")]:
        detail = refused(400, "ValidationError", client.bare, "GET", "/v1/access-keys?" + query)
        assert names in detail, detail
    off = ids[:3]
    for id in off:
        client.set(id, False)
    refused(400, "ValidationError", client.delete_bulk, [*off, ids[3]])
    refused(404, "NotFound", client.delete_bulk, [*off, "0" * 32])
    assert client.list(with_count="true")["count"] == 11
    gone = client.delete_bulk(off, with_count=True, sort="created_at:desc")
    assert [record["id"] for record in gone["access_keys"]] == off and gone["count"] == 3, gone
    assert client.list(with_count="true")["count"] == 8


def temporary_keys_live_with_their_parent(server):
    client = admin(server)
    record = client.create()
    parent = with_key(client, made(server, record))
    assert client.call("POST", "/v1/access-keys/send-otp", {"locale": "ko_KR", "method": "EMAIL"}) is None
    short = parent.create("TEMPORARY", parent_access_key_id=record["id"], duration="PT2S", passcode="000000")
    temporary = with_key(client, made(server, short))
    assert short["access_key_type"] == "TEMPORARY" and short["parent_access_key_id"] == record["id"], short
    assert temporary.show(short["id"])["access_key"] == short["access_key"]
    assert "Temporary" in refused(403, "Forbidden", temporary.create)
    children = client.list(parent_access_key_id=record["id"], access_key_type="TEMPORARY")["access_keys"]
    assert [child["id"] for child in children] == [short["id"]], children
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            temporary.list()
        except Refused as error:
            assert error.status == 401 and "expired" in error.detail, error
            break
    else:
        raise AssertionError("it outlived its end")
    lasting = made(server, parent.create("TEMPORARY", parent_access_key_id=record["id"], duration="P1M"))
    with_key(client, lasting).list()
    client.set(record["id"], False)
    assert "temporary" in refused(401, "Unauthorized", with_key(client, lasting).list)
    client.delete(record["id"])
    refused(401, "Unauthorized", with_key(client, lasting).list)
    assert client.list(access_key_type="TEMPORARY")["access_keys"] == []


def bad_signatures_are_refused(server):
    client = admin(server)
    url = client.endpoint + "/v1/access-keys"
    now = int(time.time() * 1000)

    def answer(**changed):
        headers = client.headers("GET", url, stamp=changed.pop("stamp", None)) | changed
        return client.send("GET", url, {name: value for name, value in headers.items() if value is not None})[0]

    assert answer() == 200
    for stamp in [now - 16 * 60_000, now + 16 * 60_000, now // 1000, "2026-11-22T00:00:00Z", f"{now}.0", f" {now}"]:
        assert answer(stamp=str(stamp)) == 401, stamp
    assert answer(stamp=str(now - 14 * 60_000)) == 200
    good = client.headers("GET", url)["Scp-Signature"]
    for signature in ["", "x", good[:-1], good + "=", good.lower(), client.signature("POST", url, str(now))]:
        assert answer(**{"Scp-Signature": signature}) == 401, signature
    for name in ["Scp-AccessKey", "Scp-Timestamp", "Scp-Signature", "Scp-ClientType"]:
        assert answer(**{name: None}) == 401, name
    assert answer(**{"Scp-AccessKey": "0" * 32}) == 401
    assert answer(**{"Scp-ClientType": "Console"}) == 401
    assert answer(**{"X-Auth-Token": "whatever", "X-User-Id": "root", "X-Roles": "admin"}) == 200
    # The whole URL is signed: another path, another query, another host.
    headers = client.headers("GET", url)
    for other in [url + "?limit=1", url + "/", server.url + "/v1/access-keys"]:
        assert client.send("GET", other, headers)[0] in (401, 404), other
    assert client.send("GET", url, headers | {"Host": "evil.example"})[0] == 401
    refused(401, "Unauthorized", with_key(client, Key(client.key.id, "wrong")).list)
    refused(401, "Unauthorized", with_key(client, Key("unknown", client.key.secret)).list)


@keyward_server.with_settings(DIALECT__SAMSUNG__REVEAL_SECRET="owner", DIALECT__SAMSUNG__DELETE_ENABLED="allow")
def settings_show_secrets_and_delete_enabled_keys(server):
    client = admin(server)
    record = client.create()
    made(server, record)
    assert client.show(record["id"])["secret_key"] == record["secret_key"]
    assert {key["secret_key"] for key in client.list()["access_keys"]} == {record["secret_key"], client.key.secret}
    client.delete(record["id"])
    refused(404, "NotFound", client.show, record["id"])
    assert "last usable administrator key" in refused(400, "ValidationError", client.delete, client.list()["access_keys"][0]["id"])


def the_printed_settings_are_the_right_ones(server):
    printed = keyward_server.exported(server.announcement)
    server.secrets.add(printed["SCP_TF_SECRET_KEY"])
    key = Key(printed["SCP_TF_ACCESS_KEY"], printed["SCP_TF_SECRET_KEY"])
    catalogue = Client(printed["SCP_TF_AUTH_URL"], key, version=None).bare("GET", "/endpoints", expect=200)
    assert catalogue["endpoints"][0]["url"] == printed["SCP_TF_ENDPOINT_OVERRIDE"], catalogue
    listed = Client(printed["SCP_TF_ENDPOINT_OVERRIDE"], key).list()["access_keys"]
    assert shaped(listed[0], RECORD)["access_key"] == key.id, listed


keyward_server.run(
    a_key_from_its_creation_to_its_end,
    what_the_provider_does,
    every_way_to_reach_the_server,
    pages_join,
    temporary_keys_live_with_their_parent,
    bad_signatures_are_refused,
    settings_show_secrets_and_delete_enabled_keys,
    the_printed_settings_are_the_right_ones,
)
