"""The same client over TLS, and behind nginx: with a prefix that is cut off and a host that is rewritten, and with a host that
is passed on. What is signed is always the URL that the client was told."""

import contextlib
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time

import keyward_server
from _samsung import Client, admin_key, made, refused

FOLDER = tempfile.TemporaryDirectory(prefix="keyward-samsung-")
CERTIFICATE, PRIVATE_KEY = (str(pathlib.Path(FOLDER.name) / name) for name in ["cert.pem", "key.pem"])
NAME = "keys.example.org"

subprocess.run(
    ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout", PRIVATE_KEY, "-out", CERTIFICATE]
    + ["-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME},IP:127.0.0.1"],
    check=True,
    capture_output=True,
)

SITE = """
pid {folder}/pid;
error_log {folder}/error.log;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port} ssl;
    ssl_certificate {certificate};
    ssl_certificate_key {key};
    {locations}
  }}
}}
"""

# Cuts the prefix off and, as nginx does by itself, sends a Host of its own.
PREFIX = "location /iam/ {{ proxy_pass {server}/; proxy_set_header X-Forwarded-Proto https; }}"
# Passes path and Host on.
PASSED_ON = (
    "location / {{ proxy_pass {server}; proxy_set_header Host $http_host; proxy_set_header X-Forwarded-Proto https; }}"
)


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


@contextlib.contextmanager
def nginx(server, locations):
    """nginx in front of the server; its address."""
    program = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin")
    assert program, "nginx is missing; on Debian: apt-get install nginx-light"
    with tempfile.TemporaryDirectory(prefix="keyward-nginx-") as folder:
        port = free_port()
        site = SITE.format(
            folder=folder, port=port, certificate=CERTIFICATE, key=PRIVATE_KEY, locations=locations.format(server=server.url)
        )
        path = pathlib.Path(folder) / "nginx.conf"
        path.write_text(site, encoding="utf-8")
        process = subprocess.Popen([program, "-p", folder, "-c", path, "-g", "daemon off;"], stderr=subprocess.DEVNULL)
        try:
            wait_for(("127.0.0.1", port), process)
            yield ("127.0.0.1", port)
        finally:
            process.terminate()
            process.wait()


def wait_for(address, process):
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        assert process.poll() is None, "nginx ended before it was ready"
        with contextlib.suppress(OSError), socket.create_connection(address, timeout=1):
            return
    raise AssertionError("nginx does not listen")


def life_of_a_key(server, client):
    """Every operation once; whatever lists and links say begins with the client's own URL."""
    record = client.create(description="behind something")
    key = made(server, record)
    own = Client(client.endpoint, key, cafile=client.cafile, connect_to=client.connect_to)
    page = own.list(limit="1", sort="created_at:desc", with_count="true")
    assert page["count"] == 2 and page["access_keys"][0]["id"] == record["id"], page
    assert all(href.startswith(client.endpoint + "/v1/access-keys?") for href in page["links"].values()), page
    following = own.bare("GET", page["links"]["next"].removeprefix(client.endpoint), expect=200)
    assert following["access_keys"][0]["access_key"] == client.key.id, following
    assert all(version["links"][0]["href"] == client.endpoint + "/v1" for version in client.check_version())
    client.set(record["id"], False)
    client.delete_bulk([record["id"]])
    refused(404, "NotFound", client.show, record["id"])
    catalogue = client.bare("GET", "/v1/endpoints", expect=200)
    assert catalogue["endpoints"][0]["url"] == client.endpoint, catalogue


@keyward_server.with_settings(TLS__CERT=CERTIFICATE, TLS__KEY=PRIVATE_KEY)
def over_tls(server):
    assert server.url.startswith("https://"), server.url
    life_of_a_key(server, Client(server.url + "/samsung", admin_key(server), cafile=CERTIFICATE))
    address = ("127.0.0.1", int(server.url.rsplit(":", 1)[1]))
    # The default port is signed or left out, as the client likes; some leave it out of Host only.
    for base, host in [(f"https://{NAME}:443", NAME), (f"https://{NAME}", f"{NAME}:443")]:
        client = Client(base, admin_key(server), cafile=CERTIFICATE, connect_to=address)
        url = base + "/v1/access-keys"
        assert client.send("GET", url, client.headers("GET", url) | {"Host": host})[0] == 200, (base, host)


@keyward_server.with_settings(PUBLIC_URL=f"https://{NAME}/iam", TRUSTED_PROXIES="127.0.0.1")
def behind_nginx_with_a_prefix_and_another_host(server):
    with nginx(server, PREFIX) as address:
        key = admin_key(server)
        client = Client(f"https://{NAME}/iam/samsung", key, cafile=CERTIFICATE, connect_to=address)
        life_of_a_key(server, client)
        # What is signed is the URL that the client was told, not the one that arrives.
        inside = Client(f"{server.url}/samsung", key)
        url = inside.endpoint + "/v1/access-keys"
        arriving = inside.headers("GET", url)
        assert inside.send("GET", url, arriving)[0] == 200
        outside = client.endpoint + "/v1/access-keys"
        assert client.send("GET", outside, arriving)[0] == 401
        for base in ["https://evil.example/iam/samsung", f"https://{NAME}/other/samsung", f"http://{NAME}/iam/samsung"]:
            foreign = Client(base, key).headers("GET", base + "/v1/access-keys")
            assert client.send("GET", outside, foreign)[0] == 401, base


@keyward_server.with_settings(TRUSTED_PROXIES="127.0.0.1")
def behind_nginx_that_passes_the_host_on(server):
    with nginx(server, PASSED_ON) as address:
        key = admin_key(server)
        life_of_a_key(server, Client(f"https://{NAME}/samsung", key, cafile=CERTIFICATE, connect_to=address))


def a_strangers_forwarded_headers_are_ignored(server):
    key = admin_key(server)
    client = Client(server.url + "/samsung", key)
    url = client.endpoint + "/v1/access-keys"
    lies = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example;proto=https"}
    status, _, text = client.send("GET", url, client.headers("GET", url) | lies)
    assert status == 200 and b"evil" not in text and b"https://" not in text, text


keyward_server.run(
    over_tls,
    behind_nginx_with_a_prefix_and_another_host,
    behind_nginx_that_passes_the_host_on,
    a_strangers_forwarded_headers_are_ignored,
)
