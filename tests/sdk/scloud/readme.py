"""What the README and the first start tell a newcomer to type works, word for word."""

import os
import pathlib
import re
import shlex
import subprocess
import sys

import keyward_server
from _scloud import ADMIN, Key, admin_key, client, key_ids

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
    """The announcement's blocks: what each is for, and what to paste."""
    blocks = [part for part in server.announcement.split("\n\n") if part.startswith("# ")]
    return dict(part.split("\n", 1) for part in "\n".join(blocks).split("# ") for part in [part.strip()] if part)


def the_sample_runs_word_for_word(server):
    exports = [line for line in server.announcement.splitlines() if line.startswith("export KEYWARD_")]
    assert len(exports) == 3, server.announcement
    printed = pasted("\n".join(exports), [sys.executable, "-"], stdin=block("python"))
    admin = client(server)
    assert [user["UserName"] for user in admin.invoke("ListUsers")["Users"]] == [ADMIN, "bob"]
    (key,) = key_ids(admin, "bob")
    assert printed == f"bob's new key: {key}\nall his keys: ['{key}']\n", printed


def the_defaults_are_those_of_the_readme(server):
    effective = server.command("config", "check")
    text = README.read_text(encoding="utf-8")
    (listen,) = re.findall(r'^listen = "(.*)"$', effective, re.MULTILINE)
    assert f"http://{listen}" in text and "`./keyward-data`" in text, effective


keyward_server.run(the_sample_runs_word_for_word, the_defaults_are_those_of_the_readme)
