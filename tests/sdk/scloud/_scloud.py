"""What the SCloud journeys share: the official SDK on a server's key, requests by hand, and a picture of the store."""

import hashlib
import http.client
import json
import logging
import typing
import urllib.parse

from keyward_server import exported
from ucloud.client import Client
from ucloud.core.exc import RetCodeException

# By default the SDK prints every request and answer, secrets included.
logging.getLogger("ucloud").setLevel(logging.CRITICAL)

ADMIN = "admin"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = {"Content-Type": "application/json"}


class Key(typing.NamedTuple):
    """An access key."""

    id: str
    secret: str


def admin_key(server):
    """The key that the first start printed."""
    printed = exported(server.announcement)
    server.secrets.add(printed["KEYWARD_SECRET_ACCESS_KEY"])
    return Key(printed["KEYWARD_ACCESS_KEY_ID"], printed["KEYWARD_SECRET_ACCESS_KEY"])


def client(server, key=None, path="/scloud", **config):
    """The official client, as the administrator unless another key is given."""
    key = key or admin_key(server)
    config = {"base_url": server.url + path, "public_key": key.id, "private_key": key.secret, **config}
    return Client(config)


def create_user(admin, name, **more):
    """A user without keys."""
    arguments = {"UserName": name, "AccessKeyStatus": "Inactive", "LoginProfileStatus": "Inactive", **more}
    return admin.invoke("CreateUser", arguments)


def create_key(server, caller, name):
    """A new key of a user."""
    made = caller.invoke("CreateAccessKey", {"UserName": name})["AccessKey"]
    server.secrets.add(made["AccessKeySecret"])
    return Key(made["AccessKeyID"], made["AccessKeySecret"])


def member(server, name, **config):
    """A new user with a key, and the client that uses it."""
    admin = client(server)
    create_user(admin, name)
    key = create_key(server, admin, name)
    return key, client(server, key, **config)


def key_ids(caller, name):
    """The ids that ListAccessKeys shows."""
    return [key["AccessKeyID"] for key in caller.invoke("ListAccessKeys", {"UserName": name})["AccessKey"]]


def refused(code, call, *arguments, **options):
    """The call must fail with this RetCode, with a text and a request id. Returns the text."""
    try:
        answer = call(*arguments, **options)
    except RetCodeException as error:
        assert error.code == code, f"expected {code} for {arguments}, got {error}"
        assert error.message and error.request_uuid, str(error)
        return error.message
    raise AssertionError(f"expected {code} for {arguments}, got {answer}")


def picture(server, key=None):
    """Everything that the API shows an administrator of the store, to compare before and after."""
    admin, users = client(server, key), []
    while page := admin.invoke("ListUsers", {"Limit": 100, "Offset": len(users)})["Users"]:
        users += page
    named = [{"UserName": user["UserName"]} for user in users]
    return {
        "users": users,
        "keys": [admin.invoke("ListAccessKeys", name)["AccessKey"] for name in named],
        "profiles": [admin.invoke("GetLoginProfile", name)["LoginProfile"] for name in named],
    }


def signed_text(value):
    """How a JSON value enters the signed text."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return "".join(map(signed_text, value))
    if isinstance(value, dict):
        return "".join(name + signed_text(value[name]) for name in sorted(value))
    return str(value)


def sign(parameters, key):
    """The parameters with PublicKey and Signature. Written from the vendor's page and not with his code."""
    parameters = {**parameters, "PublicKey": key.id}
    text = signed_text(parameters) + key.secret
    return {**parameters, "Signature": hashlib.sha1(text.encode()).hexdigest()}


class Answer(typing.NamedTuple):
    """What came back over HTTP."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)


def send(server, method, target, body=b"", headers=None):
    """One request, byte for byte as given."""
    if isinstance(body, str):
        body = body.encode()
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(server.url).netloc)
    try:
        connection.request(method, target, body or None, headers or {})
        answer = connection.getresponse()
        return Answer(answer.status, answer.headers, answer.read())
    finally:
        connection.close()


def form(parameters):
    """A form or query, in the order of the parameters."""
    return urllib.parse.urlencode({name: signed_text(value) for name, value in parameters.items()})


def post(server, parameters, target="/scloud"):
    """A form, as the Python and Go SDKs send it."""
    return send(server, "POST", target, form(parameters), FORM)


def code_of(answer, status=200):
    """The RetCode of a refusal, which must have the vendor's form."""
    assert answer.status == status, answer
    assert answer.headers["Content-Type"] == "application/json", answer
    assert answer.headers["Cache-Control"] == "no-store", answer
    assert len(answer.headers["X-UCLOUD-REQUEST-UUID"]) == 32, answer
    assert type(answer.json["RetCode"]) is int and answer.json["RetCode"] != 0, answer
    assert type(answer.json["Message"]) is str and answer.json["Message"], answer
    return answer.json["RetCode"]


def names_of(answer):
    """The names that a successful ListUsers shows."""
    assert answer.status == 200 and answer.json["RetCode"] == 0, answer
    return [user["UserName"] for user in answer.json["Users"]]
