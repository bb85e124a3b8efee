"""What the native API's journeys share: requests signed by botocore, the AWS SDK's own signer."""

import http.client
import json
import typing
import urllib.parse

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from keyward_server import exported

PREFIX = "/api/v1"


class Key(typing.NamedTuple):
    """An access key."""

    id: str
    secret: str


class Answer(typing.NamedTuple):
    """What came back; `body` is read JSON where it is JSON."""

    status: int
    headers: typing.Any
    body: typing.Any


def admin_key(server):
    """The key that the first start printed."""
    printed = exported(server.announcement)
    server.secrets.add(printed["KEYWARD_SECRET_ACCESS_KEY"])
    return Key(printed["KEYWARD_ACCESS_KEY_ID"], printed["KEYWARD_SECRET_ACCESS_KEY"])


class Client:
    """Signs and sends. Keeps the secrets that it is shown, so that the log is searched for them."""

    def __init__(self, server, key=None, region="local", service="keyward"):
        self.server, self.key = server, key or admin_key(server)
        self.region, self.service = region, service

    def signed(self, method, path, body=None, headers=()):
        """The request with its signature."""
        headers = dict(headers)
        if body is not None and not isinstance(body, (str, bytes)):
            body = json.dumps(body)
            headers.setdefault("Content-Type", "application/json")
        request = AWSRequest(method=method, url=self.server.url + PREFIX + path, data=body, headers=headers)
        SigV4Auth(Credentials(*self.key), self.service, self.region).add_auth(request)
        return request.prepare()

    def send(self, method, path, body=None, headers=()):
        """The answer, whatever it is."""
        request = self.signed(method, path, body, headers)
        url = urllib.parse.urlsplit(request.url)
        connection = http.client.HTTPConnection(url.netloc)
        target = url.path + ("?" + url.query if url.query else "")
        connection.request(method, target, request.body, dict(request.headers))
        response = connection.getresponse()
        text = response.read()
        connection.close()
        is_json = "json" in response.headers.get("Content-Type", "") and text
        answer = Answer(response.status, response.headers, json.loads(text) if is_json else text.decode())
        self.keep_secrets(answer.body)
        return answer

    def call(self, method, path, body=None, expect=200, **headers):
        """The body of an answer of the expected status."""
        answer = self.send(method, path, body, headers)
        assert answer.status == expect, answer
        return answer.body

    def refused(self, method, path, body=None, headers=()):
        """Status and the end of the problem's type."""
        answer = self.send(method, path, body, headers)
        assert answer.headers["Content-Type"] == "application/problem+json", answer
        assert answer.body["status"] == answer.status, answer
        return answer.status, answer.body["type"].removeprefix("urn:keyward:problem:")

    def keep_secrets(self, value):
        """Notes every `secret` in an answer."""
        if isinstance(value, dict):
            if value.get("secret"):
                self.server.secrets.add(value["secret"])
            value = list(value.values())
        if isinstance(value, list):
            for item in value:
                self.keep_secrets(item)

    def member(self, name, **more):
        """The client of a new user with a key."""
        made = self.call("POST", "/users", {"name": name, "access_key": {}, **more}, 201)
        key = made["access_key"]
        return Client(self.server, Key(key["id"], key["secret"]))
