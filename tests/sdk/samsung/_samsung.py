"""A client of the Samsung dialect, written from the signing rules of docs/dialects/samsung.md and nothing else. It reads answers
as strictly as the official Go SDK decodes them: a member too many, one too few, or one of another type is a failure."""

import base64
import hashlib
import hmac
import http.client
import json
import re
import ssl
import time
import typing
import urllib.parse

from keyward_server import exported

TEXT, MAYBE_TEXT = (str,), (str, type(None))
RECORD = {
    "access_key": TEXT, "access_key_type": TEXT, "account_id": TEXT, "created_at": TEXT, "created_by": TEXT, "description": MAYBE_TEXT,
    "expiration_timestamp": TEXT, "id": TEXT, "is_enabled": (bool,), "modified_at": TEXT, "modified_by": TEXT,
    "parent_access_key_id": MAYBE_TEXT, "secret_key": TEXT,
}
LIST = {"access_keys": (list,), "count": (int, type(None)), "links": (list,)}
ERROR = {
    "code": TEXT, "detail": (str, list), "global_request_id": TEXT, "links": (list,), "related_resources": (list,), "request_id": TEXT,
    "response": (dict, type(None)), "status": (int,), "title": TEXT,
}


class Key(typing.NamedTuple):
    """An access key."""

    id: str
    secret: str


class Refused(Exception):
    """An error answer."""

    def __init__(self, error):
        super().__init__(f"{error['status']} {error['code']}: {error['detail']}")
        self.status, self.code, self.detail = error["status"], error["code"], error["detail"]


def admin_key(server):
    """The key that the first start printed."""
    printed = exported(server.announcement)
    server.secrets.add(printed["KEYWARD_SECRET_ACCESS_KEY"])
    return Key(printed["KEYWARD_ACCESS_KEY_ID"], printed["KEYWARD_SECRET_ACCESS_KEY"])


def shaped(value, shape):
    """`value`, which must have exactly the members of `shape` with their types."""
    assert set(value) == set(shape), f"members {sorted(value)} are not {sorted(shape)}"
    for name, types in shape.items():
        assert type(value[name]) in types, f"{name} is {value[name]!r}"
    return value


class Client:
    """A client of one endpoint: a base URL without `/v1` and without a slash at its end."""

    def __init__(self, endpoint, key, version="iam 1.2", cafile=None, account="", connect_to=None):
        self.endpoint, self.key, self.version, self.account = endpoint, key, version, account
        self.cafile, self.connect_to = cafile, connect_to

    def signature(self, method, url, stamp):
        """Everything joined, with nothing between."""
        text = method + url + stamp + self.key.id + self.account + "Openapi"
        digest = hmac.new(self.key.secret.encode(), text.encode(), hashlib.sha256).digest()
        return base64.b64encode(digest).decode()

    def headers(self, method, url, stamp=None):
        """The Scp headers of a request."""
        stamp = stamp or str(int(time.time() * 1000))
        headers = {
            "Scp-AccessKey": self.key.id, "Scp-Timestamp": stamp, "Scp-ClientType": "Openapi", "Scp-AccountId": self.account,
            "Scp-Signature": self.signature(method, url, stamp), "Accept-Language": "en-US", "User-Agent": "scpclient/0.0.1",
        }
        return headers | ({"Scp-Api-Version": self.version} if self.version else {})

    def send(self, method, url, headers, body=None):
        """Sends a request; status, headers and body of the answer."""
        parts = urllib.parse.urlsplit(url)
        host, port = self.connect_to or (parts.hostname, parts.port)
        if parts.scheme == "https":
            trust = ssl.create_default_context(cafile=self.cafile)
            connection = http.client.HTTPSConnection(host, port, timeout=10, context=trust)
        else:
            connection = http.client.HTTPConnection(host, port, timeout=10)
        try:
            target = urllib.parse.urlunsplit(("", "", parts.path or "/", parts.query, ""))
            connection.request(method, target, body=body, headers={"Host": parts.netloc} | headers)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def call(self, method, path, body=None, **more):
        """What the SDK does: the version document, unsigned and over a connection of its own; then the call."""
        self.check_version()
        return self.bare(method, path, body, **more)

    def bare(self, method, path, body=None, expect=None, **more):
        """A signed call alone; the JSON of its answer."""
        url = self.endpoint + path
        headers = self.headers(method, url, **more)
        raw = None
        if body is not None:
            headers["Content-Type"], raw = "application/json", (json.dumps(body) + "\n").encode()
        status, head, text = self.send(method, url, headers, raw)
        assert head["Cache-Control"] == "no-store", head
        if status == 204:
            assert not text and head["Content-Type"] is None, text
            return None
        assert head["Content-Type"] == "application/json", head
        answer = json.loads(text)
        if status >= 400:
            assert list(answer) == ["errors"] and len(answer["errors"]) == 1, answer
            error = shaped(answer["errors"][0], ERROR)
            assert error["status"] == status and re.fullmatch("req-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", error["request_id"]), error
            raise Refused(error)
        assert expect is None or status == expect, status
        return answer

    def check_version(self):
        """Refuses to call when the version is not listed, as the SDK does."""
        status, head, text = self.send("GET", self.endpoint, {"Accept": "application/json"})
        # A proxy keeps its own connections.
        assert status == 200 and (self.connect_to or head["Connection"] == "close"), (status, head.items())
        versions = json.loads(text)["versions"]
        wanted = "v" + self.version.split(" ")[1]
        assert any(version["id"] == wanted for version in versions), f"{wanted} is an Unsupported version. please update your provider."
        assert [version["status"] for version in versions].count("CURRENT") == 1, versions
        return versions

    def list(self, **query):
        """A page, as the SDK writes its query: sorted, escaped, without what is not set."""
        encoded = urllib.parse.urlencode(sorted(query.items()))
        answer = self.call("GET", "/v1/access-keys" + ("?" + encoded if encoded else ""), expect=200)
        return checked_list(answer)

    def create(self, access_key_type="PERMANENT", **more):
        """A new key; explicit nulls for what is not set, as the provider sends them."""
        unset = dict.fromkeys(["account_id", "description", "duration", "parent_access_key_id", "passcode"])
        body = {"access_key_type": access_key_type, **unset, **more}
        return shaped(self.call("POST", "/v1/access-keys", body, expect=201)["access_key"], RECORD)

    def show(self, id):
        """One key."""
        return shaped(self.call("GET", "/v1/access-keys/" + id, expect=200)["access_key"], RECORD)

    def set(self, id, is_enabled):
        """Switches a key on or off."""
        body = {"is_enabled": is_enabled}
        return shaped(self.call("PUT", "/v1/access-keys/" + id, body, expect=200)["access_key"], RECORD)

    def delete(self, id):
        """Deletes a key."""
        assert self.call("DELETE", "/v1/access-keys/" + id) is None

    def delete_bulk(self, ids, **more):
        """Deletes several."""
        return checked_list(self.call("DELETE", "/v1/access-keys/bulk", {"ids": ids, **more}, expect=200))


def checked_list(answer):
    """A list answer of exactly the documented shape."""
    shaped(answer, LIST)
    for record in answer["access_keys"]:
        shaped(record, RECORD)
    links = {link["rel"]: shaped(link, {"href": TEXT, "rel": TEXT})["href"] for link in answer["links"]}
    assert {"first", "self"} <= set(links) <= {"first", "self", "next"}, links
    return answer | {"links": links}


def refused(status, code, call, *args, **more):
    """The call must fail so. Returns the detail."""
    try:
        answer = call(*args, **more)
    except Refused as error:
        assert (error.status, error.code) == (status, code), error
        return error.detail if isinstance(error.detail, str) else "; ".join(error.detail)
    raise AssertionError(f"expected {status} {code}, got {answer}")


def made(server, record):
    """The key in the answer of a creation."""
    server.secrets.add(record["secret_key"])
    assert re.fullmatch("[0-9a-f]{32}", record["access_key"]) and len(record["secret_key"]) == 43, record
    return Key(record["access_key"], record["secret_key"])
