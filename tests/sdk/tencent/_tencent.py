"""What the Tencent journeys share: the official Python SDK on a server's key, and what it must refuse."""

import json
import typing
import urllib.parse

from keyward_server import exported
from tencentcloud.cam.v20190116.cam_client import CamClient
from tencentcloud.cam.v20190116 import models
from tencentcloud.common import credential
from tencentcloud.common.common_client import CommonClient
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile

UIN_BASE = 100_000_000_000
SIGNATURES = ["TC3-HMAC-SHA256", "HmacSHA256", "HmacSHA1"]


class Key(typing.NamedTuple):
    """An access key."""

    id: str
    secret: str


def admin_key(server):
    """The key that the first start printed."""
    printed = exported(server.announcement)
    server.secrets.add(printed["KEYWARD_SECRET_ACCESS_KEY"])
    return Key(printed["KEYWARD_ACCESS_KEY_ID"], printed["KEYWARD_SECRET_ACCESS_KEY"])


def profile(server, path="/tencent", signature=None, method="POST", unsigned_payload=False):
    """The official client's settings for a server. The address may hold a path or a whole URL."""
    host = urllib.parse.urlsplit(server.url).netloc
    http = HttpProfile(protocol="http", endpoint=host + path, reqMethod=method)
    settings = ClientProfile(signMethod=signature, httpProfile=http, language="en-US")
    settings.unsignedPayload = unsigned_payload
    return settings


def client(server, key=None, token=None, **more):
    """The official client, as the administrator unless another key is given."""
    key = key or admin_key(server)
    return CamClient(credential.Credential(key.id, key.secret, token), "", profile(server, **more))


def call(cam, action, **parameters):
    """A typed call; its answer as plain values."""
    request = getattr(models, action + "Request")()
    request.from_json_string(json.dumps(parameters))
    return json.loads(getattr(cam, action)(request).to_json_string())


def sister(server, product, version, action, parameters, key=None):
    """A call of another product with the client that serves them all."""
    key = key or admin_key(server)
    common = CommonClient(product, version, credential.Credential(*key), "", profile=profile(server))
    return common.call_json(action, parameters)["Response"]


def refused(code, cam, action, **parameters):
    """The call must fail with this code, with a text and a request id. Returns the text."""
    try:
        answer = call(cam, action, **parameters)
    except TencentCloudSDKException as error:
        assert error.code == code, f"expected {code} for {action} {parameters}, got {error}"
        assert error.message and error.requestId, str(error)
        return error.message
    raise AssertionError(f"expected {code} for {action} {parameters}, got {answer}")


def create_key(server, cam, **target):
    """A new key."""
    made = call(cam, "CreateAccessKey", **target)["AccessKey"]
    server.secrets.add(made["SecretAccessKey"])
    return Key(made["AccessKeyId"], made["SecretAccessKey"])


def member(server, name, **more):
    """A new user with a key: his number, his key, and the client that uses it."""
    added = call(client(server), "AddUser", Name=name, UseApi=1)
    server.secrets.add(added["SecretKey"])
    key = Key(added["SecretId"], added["SecretKey"])
    return added["Uin"], key, client(server, key, **more)


def keys(cam, **target):
    """What ListAccessKeys shows, by id."""
    return {key["AccessKeyId"]: key for key in call(cam, "ListAccessKeys", **target)["AccessKeys"]}
