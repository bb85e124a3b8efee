"""What the first start prints gets a token, word for word."""

import os
import pathlib
import re
import subprocess
import sys

from keyward_server import exported, run


def the_printed_password_and_command_issue_a_token(server):
    (command,) = re.findall(r"^openstack .* token issue$", server.announcement, re.MULTILINE)
    password = {"OS_PASSWORD": exported(server.announcement)["OS_PASSWORD"]}
    path = f"{pathlib.Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"

    def pasted(variables):
        environment = {**os.environ, "PATH": path, **variables}
        words = f"{command} -f value -c id"
        return subprocess.run(["sh", "-c", words], env=environment, capture_output=True, encoding="utf-8")

    done = pasted(password)
    assert done.returncode == 0, done
    server.secrets.add(done.stdout.strip())
    wrong = pasted({"OS_PASSWORD": "x" * 32})
    assert wrong.returncode == 1 and "401" in wrong.stderr, wrong


run(the_printed_password_and_command_issue_a_token)
