"""What the README and the first start tell a newcomer to type works, word for word."""

import os
import pathlib
import re
import shlex
import subprocess
import sys

import keyward_server
from _scloud import ADMIN, admin_key, client, key_ids
from ucloud.client import Client

README = pathlib.Path(__file__).parents[3] / "README.md"


def block(language):
    """The README's only block of code in a language."""
    blocks = re.findall(rf"^```{language}\n(.*?)^```$", README.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    assert len(blocks) == 1, (language, blocks)
    return blocks[0]


def pasted(text, command, stdin=""):
    """What a command prints in a shell into which the text was pasted before."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("KEYWARD_")}
    script = ["sh", "-euc", text + '\nexec "$@"', "sh", *command]
    done = subprocess.run(script, input=stdin, env=environment, capture_output=True, encoding="utf-8")
    assert done.returncode == 0 and done.stderr == "", done
    return done.stdout


def printed_settings(server):
    """What the announcement says to paste, by the client that it is for: each block under its comment."""
    blocks = re.findall(r"^# SCloud / UCloud, ([\w ]+\w).*\n((?:.+\n)+)", server.announcement, re.MULTILINE)
    assert len(blocks) == 4, server.announcement
    return dict(blocks)


def assert_usable(server, base_url, public_key, private_key, **more):
    """The values work in the official client."""
    config = {"base_url": base_url, "public_key": public_key, "private_key": private_key, **more}
    users = Client(config).iam().list_users()["Users"]
    assert [user["UserName"] for user in users] == [ADMIN], users


def the_sample_runs_word_for_word(server):
    exports = [line for line in server.announcement.splitlines() if line.startswith("export KEYWARD_")]
    assert len(exports) == 3, server.announcement
    printed = pasted("\n".join(exports), [sys.executable, "-"], stdin=block("python"))
    admin = client(server)
    assert [user["UserName"] for user in admin.invoke("ListUsers")["Users"]] == [ADMIN, "bob"]
    (key,) = key_ids(admin, "bob")
    assert printed == f"bob's new key: {key}\nall his keys: ['{key}']\n", printed


def the_printed_settings_work_when_pasted(server):
    settings = printed_settings(server)
    assert "".join(settings) == "PythonGo SDKcommand lineTerraform", settings
    expected = [server.url, *admin_key(server)]

    script = (
        settings["Python"]
        + "import logging\nlogging.disable()\nprint(client.invoke('GetUser', {'UserName': 'admin'})['RetCode'])\n"
    )
    assert pasted("", [sys.executable, "-"], stdin=script) == "0\n"

    # Only the Python SDK can be had from a package index, so it tries what the other clients are told.
    names = ["UCLOUD_API_BASE_URL", "UCLOUD_PUBLIC_KEY", "UCLOUD_PRIVATE_KEY"]
    values = pasted(settings["Go SDK"], ["printenv", *names]).splitlines()
    assert values == expected, values
    assert_usable(server, *values)

    program, command, *words = shlex.split(settings["command line"])
    options = dict(zip(words[::2], words[1::2], strict=True))
    assert (program, command, options.pop("--profile"), options.pop("--active")) == (
        "ucloud",
        "config",
        "keyward",
        "true",
    )
    assert_usable(server, options.pop("--base-url"), options.pop("--public-key"), options.pop("--private-key"))
    assert not options, options

    # HCL allows one argument in a block of one line; with more, each has a line of its own.
    first, *lines, last = settings["Terraform"].splitlines()
    assert (first, last) == ('provider "ucloud" {', "}"), settings["Terraform"]
    arguments = dict(re.fullmatch(r'  (\w+) += "(\S+)"', line).groups() for line in lines)
    assert list(arguments) == ["base_url", "public_key", "private_key", "region", "project_id"], arguments
    assert_usable(server, **arguments)


def the_defaults_are_those_of_the_readme(server):
    effective = server.command("config", "check")
    text = README.read_text(encoding="utf-8")
    (listen,) = re.findall(r'^listen = "(.*)"$', effective, re.MULTILINE)
    assert f"http://{listen}" in text and "`./keyward-data`" in text, effective


keyward_server.run(
    the_sample_runs_word_for_word, the_printed_settings_work_when_pasted, the_defaults_are_those_of_the_readme
)
