"""What the Huawei journeys share: the official SDK with a key or a token, and real SSH keys."""

import pathlib
import subprocess
import tempfile

from huaweicloudsdkcodeartsrepo import v3, v4
from huaweicloudsdkcore.auth.credentials import BasicCredentials, GlobalCredentials
from huaweicloudsdkcore.exceptions.exceptions import ClientRequestException
from huaweicloudsdkiam import v3 as iam
from keyward_server import exported

PASSWORD = "correct horse battery"


def admin_key(server):
    """The key that the first start printed."""
    printed = exported(server.announcement)
    server.secrets.update([printed["KEYWARD_SECRET_ACCESS_KEY"], PASSWORD])
    return printed["KEYWARD_ACCESS_KEY_ID"], printed["KEYWARD_SECRET_ACCESS_KEY"]


def repo(server, key=None, client=v4.CodeArtsRepoClient, security_token=None):
    """CodeArts Repo, as the administrator unless another key is given."""
    credentials = BasicCredentials(*(key or admin_key(server)), "any-project")
    if security_token is not None:
        credentials = credentials.with_security_token(security_token)
    return client.new_builder().with_credentials(credentials).with_endpoints([server.url]).build()


def identity(server, key=None):
    """IAM."""
    credentials = GlobalCredentials(*(key or admin_key(server)))
    return iam.IamClient.new_builder().with_credentials(credentials).with_endpoints([server.url]).build()


def refused(status, code, call, request):
    """A call that must be refused so. Returns the message."""
    try:
        call(request)
    except ClientRequestException as refusal:
        assert (refusal.status_code, refusal.error_code) == (status, code), refusal
        return refusal.error_msg
    raise AssertionError(f"{call.__name__} was not refused")


def generated(*arguments):
    """A public key that ssh-keygen makes, and its fingerprint as ssh-keygen prints it."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "key"
        command = ["ssh-keygen", "-q", "-N", "", "-C", "alice@example.org", "-f", path, "-t", *arguments]
        subprocess.run(command, check=True)
        return path.with_suffix(".pub").read_text().strip()


def add(client, title, key):
    """Adds a key in version 4."""
    body = v4.DeployKeyParamsDto(title=title, key=key)
    return client.add_ssh_key(v4.AddSshKeyRequest(body=body))
