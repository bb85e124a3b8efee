"""A developer's SSH key from first to last: added with the official SDK, used at a real sshd, deleted, refused.

sshd runs with the block of docs/integrations/sshd.md, with other paths and users in it.
"""

import getpass
import os
import pathlib
import socket
import subprocess
import tempfile
import time

import keyward_server
from _huawei import add, repo
from huaweicloudsdkcodeartsrepo import v4
from keyward_server import BINARY, with_settings

PAGE = pathlib.Path(__file__).parents[3] / "docs/integrations/sshd.md"
SSHD = "/usr/sbin/sshd"
PATIENCE_SECONDS = 30

# The only login that sshd lets in without being root. In it, every user's key opens the login.
LOGIN = getpass.getuser()


def block_of(page, language):
    return page.read_text(encoding="utf-8").split(f"```{language}\n")[1].split("```")[0]


def key_pair(folder, name):
    path = folder / name
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", path], check=True)
    return path


class Sshd:
    """A real sshd on a free port, for as long as the scene needs it."""

    def __init__(self, folder, gate_socket):
        self.folder = folder
        host_key = key_pair(folder, "host_key")
        if os.geteuid() == 0:
            # Where Debian's start script makes it.
            pathlib.Path("/run/sshd").mkdir(exist_ok=True)
        block = block_of(PAGE, "sshd_config")
        for found, ours in [
            ("/usr/bin/keyward authorized-keys", f"/usr/bin/env {BINARY} authorized-keys --socket {gate_socket}"),
            ("CommandUser keyward", f"CommandUser {LOGIN}"),
        ]:
            assert found in block, f"{PAGE} holds no {found}"
            block = block.replace(found, ours)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        settings = f"ListenAddress 127.0.0.1:{self.port}\nHostKey {host_key}\nPidFile none\nStrictModes no\nUsePAM no\n"
        (folder / "sshd_config").write_text(settings + block, encoding="utf-8")

    def __enter__(self):
        with (self.folder / "sshd.log").open("wb") as log:
            command = [SSHD, "-D", "-e", "-f", self.folder / "sshd_config"]
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            assert self.process.poll() is None and time.monotonic() < deadline, (self.folder / "sshd.log").read_text()
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def log_in(self, private, command):
        options = ["-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes", "-o", "LogLevel=ERROR"]
        options += ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"]
        command = ["ssh", "-F", "none", *options, "-i", private, "-p", str(self.port), f"{LOGIN}@127.0.0.1", command]
        return subprocess.run(command, capture_output=True, encoding="utf-8", timeout=PATIENCE_SECONDS)


def assert_refused(login):
    assert login.returncode == 255 and "Permission denied (publickey)" in login.stderr, login


@with_settings(**{f"SSH__LOGINS__{LOGIN.upper()}__USERS": "any"})
def a_key_opens_a_login_from_its_creation_to_its_deletion(server):
    client = repo(server)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        laptop, other = key_pair(folder, "laptop"), key_pair(folder, "other")
        with Sshd(folder, server.environment["KEYWARD_GATE__SOCKET"]) as sshd:
            assert_refused(sshd.log_in(laptop, "true"))
            made = add(client, "laptop", laptop.with_suffix(".pub").read_text().strip())
            login = sshd.log_in(laptop, "echo hello")
            assert (login.returncode, login.stdout) == (0, "hello\n"), login
            assert_refused(sshd.log_in(other, "true"))
            client.delete_ssh_key(v4.DeleteSshKeyRequest(key_id=made.id))
            assert_refused(sshd.log_in(laptop, "true"))
            assert client.list_user_keys(v4.ListUserKeysRequest()).total == 0


keyward_server.run(a_key_opens_a_login_from_its_creation_to_its_deletion)
