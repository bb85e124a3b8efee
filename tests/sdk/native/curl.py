"""curl signs by itself; the README's command line."""

import json
import subprocess

from _native import Client
from keyward_server import run


def curl(server, key, method, path, body=None):
    """What curl prints: the status in the last line. The secret comes on standard input, never on the command line."""
    command = ["curl", "--silent", "--show-error", "--config", "-", "--request", method, "--write-out", "\n%{http_code}"]
    command += ["--aws-sigv4", "aws:amz:local:keyward", server.url + "/api/v1" + path]
    if body is not None:
        command += ["--header", "Content-Type: application/json", "--data", json.dumps(body)]
    config = f'user = "{key.id}:{key.secret}"\n'
    done = subprocess.run(command, input=config, capture_output=True, encoding="utf-8", check=True)
    text, _, status = done.stdout.rpartition("\n")
    return int(status), json.loads(text) if text else None


def curl_reads_and_writes(server):
    key = Client(server).key
    status, who = curl(server, key, "GET", "/whoami")
    assert (status, who["user"]["name"]) == (200, "admin"), who
    status, made = curl(server, key, "POST", "/users", {"name": "bob", "access_key": {}})
    assert status == 201, made
    server.secrets.add(made["access_key"]["secret"])
    assert curl(server, key, "PATCH", "/users/bob", {"display_name": "Bob +%/ä"})[1]["display_name"] == "Bob +%/ä"
    assert curl(server, key, "DELETE", "/users/bob")[0] == 204


def curl_signs_paths_and_queries_as_they_are_written(server):
    key = Client(server).key
    for name in ("zoë", "a+b", "x=y"):
        assert curl(server, key, "POST", "/users", {"name": name})[0] == 201, name
    for written, name in (("zo%C3%AB", "zoë"), ("a+b", "a+b"), ("a%2Bb", "a+b"), ("x%3Dy", "x=y")):
        status, user = curl(server, key, "GET", "/users/" + written)
        assert (status, user["name"]) == (200, name), user
    status, page = curl(server, key, "GET", "/users?limit=2&cursor=")
    assert status == 200 and len(page["items"]) == 2, page
    status, page = curl(server, key, "GET", f"/users?limit=2&cursor={page['next_cursor']}")
    assert status == 200 and len(page["items"]) == 2, page


run(curl_reads_and_writes, curl_signs_paths_and_queries_as_they_are_written)
