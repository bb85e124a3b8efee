"""The real server, for journeys: on ports of the system's choice, in a directory of its own, stopped at the end.

A journey is a list of scenes. Each gets a fresh server; after each the server is stopped, its store and its audit are
checked, and its log, at the most talkative level, is searched for every secret that the scene has seen.

Nothing here knows a dialect.
"""

import json
import os
import pathlib
import shlex
import signal
import subprocess
import sys
import tempfile
import urllib.request

BINARY = os.environ.get("KEYWARD_BIN", "keyward")

# What a failed scene shows of the server's log.
LINES_OF_LOG = 40


class Server:
    """One server and its directory. `settings` are its environment variables, without `KEYWARD_`."""

    def __init__(self, folder, settings):
        self.data_dir = pathlib.Path(folder) / "data"
        self.log_path = pathlib.Path(folder) / "log"
        # The server refuses KEYWARD_ variables that it does not know, such as KEYWARD_BIN.
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("KEYWARD_")}
        # The gate's own place for its socket is shared by all servers of root.
        settings = {"LOG__LEVEL": "trace", "GATE__SOCKET": pathlib.Path(folder) / "gate.sock", **settings}
        self.environment.update({f"KEYWARD_{name}": str(value) for name, value in settings.items()})
        self.secrets = set()
        self.process = None

    def start(self):
        """Returns when the server serves. Its ports are new at each start."""
        command = [BINARY, "serve", "--data-dir", self.data_dir]
        command += ["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=log, env=self.environment, encoding="utf-8"
            )
        self.announcement, listeners = "", []
        while len(listeners) < 3:
            line = self.process.stdout.readline()
            assert line, "the server ended before it was ready"
            self.announcement += line
            if line.startswith("listening on "):
                listeners.append(line.split()[-1])
        # Whatever a scene does with it: the first start's password is in no log.
        self.secrets.update(value for name, value in exported(self.announcement).items() if name == "OS_PASSWORD")
        self.url, self.admin_url = [url for url in listeners if url.startswith("http")]
        return self

    def stop(self):
        """Asks the server to stop, as an operator would. It must end well."""
        process, self.process = self.process, None
        process.send_signal(signal.SIGTERM)
        rest, _ = process.communicate()
        assert process.returncode == 0, f"the server ended with exit code {process.returncode}"
        assert rest == "", f"the server printed after its ready lines: {rest}"

    def kill(self):
        """Ends the server as a crash would."""
        process, self.process = self.process, None
        process.kill()
        process.communicate()

    def command(self, *arguments):
        """What a local command of the same program prints about the same directory."""
        command = [BINARY, *arguments, "--data-dir", self.data_dir]
        done = subprocess.run(command, env=self.environment, capture_output=True, encoding="utf-8")
        assert done.returncode == 0, f"{arguments} failed: {done.stdout}{done.stderr}"
        return done.stdout

    def requests(self, operation):
        """How many requests for an operation were answered, by the server's own count."""
        with urllib.request.urlopen(f"{self.admin_url}/metrics") as answer:
            lines = answer.read().decode().splitlines()
        label = f'operation="{operation}"'
        counts = [line for line in lines if line.startswith("keyward_requests_total{") and label in line]
        assert counts, f"there is no operation {operation}"
        return sum(int(line.split()[-1]) for line in counts)

    def log(self):
        """The lines of the log. Complete once the server has stopped."""
        return [json.loads(line) for line in self.log_path.read_text(encoding="utf-8").splitlines()]

    def check(self):
        """What must hold of a stopped server, whatever the scene did."""
        assert self.command("verify-store").endswith("clean\n")
        assert "head " in self.command("audit", "verify")
        text = self.log_path.read_text(encoding="utf-8")
        assert not any(secret in text for secret in self.secrets), "the log holds a secret"
        errors = [line for line in self.log() if line["level"] == "error"]
        assert not errors, errors


def exported(text):
    """The variables that the lines `export NAME=value` in a text set."""
    lines = [line for line in text.splitlines() if line.startswith("export ")]
    return dict(word.split("=", 1) for line in lines for word in shlex.split(line)[1:])


def with_settings(**settings):
    """For a scene whose server has settings of its own: `LIMITS__ACCESS_KEYS_PER_USER=3`."""

    def mark(scene):
        scene.settings = settings
        return scene

    return mark


def run(*scenes):
    """Runs each scene on a server of its own. The first that fails ends the journey."""
    for scene in scenes:
        print(f"  {scene.__name__.replace('_', ' ')}", flush=True)
        with tempfile.TemporaryDirectory(prefix="keyward-sdk-") as folder:
            server = Server(folder, getattr(scene, "settings", {}))
            try:
                scene(server.start())
                if server.process:
                    server.stop()
                server.check()
            except BaseException:
                lines = server.log_path.read_text(encoding="utf-8").splitlines()[-LINES_OF_LOG:]
                print("The end of the server's log:", *lines, sep="\n", file=sys.stderr, flush=True)
                raise
            finally:
                if server.process:
                    server.kill()
