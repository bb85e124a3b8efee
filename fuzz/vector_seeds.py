#!/usr/bin/env python3
"""Writes the seeds that come from the signing vectors: seeds/<target>/vector-<name>. Run it after the vectors change."""

import json
from pathlib import Path
from urllib.parse import urlsplit

HERE = Path(__file__).resolve().parent
VECTORS = HERE.parent / "crates" / "signing" / "vectors"
FORM = "application/x-www-form-urlencoded"
# Larger ones slow the fuzzer down and teach it nothing.
MAX_BYTES = 2000


class Request:
    """A signed request, as a client sent it."""

    def __init__(self, secret, method, target, headers, body, scheme="http"):
        self.secret, self.method, self.target = secret, method, target
        self.headers, self.body, self.scheme = headers, body or "", scheme

    def lines(self, end):
        return "".join(f"{name}: {value}{end}" for name, value in self.headers) + end

    def seed(self):
        """What the targets of the schemes read."""
        return f"{self.scheme} {self.secret}\n{self.method} {self.target}\n{self.lines(chr(10))}{self.body}"

    def pasted(self):
        """What the target `explain` reads."""
        length = [("Content-Length", len(self.body.encode()))] if self.body else []
        headers = [pair for pair in self.headers if pair[0].lower() != "content-length"]
        whole = Request(self.secret, self.method, self.target, headers + length, self.body)
        return f"{self.secret}\n{self.method} {self.target} HTTP/1.1\n{whole.lines(chr(10))}{self.body}"

    def on_the_wire(self):
        """What the target `head` reads."""
        return f"{self.method} {self.target} HTTP/1.1\r\n{self.lines(chr(13) + chr(10))}"


def load(name):
    return json.loads((VECTORS / f"{name}.json").read_text(encoding="utf-8"))


def target_of(url):
    parts = urlsplit(url)
    return (parts.path or "/") + (f"?{parts.query}" if "?" in url else "")


def aws():
    for vector in load("aws"):
        url = vector.get("signed_url") or vector["url"]
        target = url.split("://", 1)[1]
        headers = [tuple(pair) for pair in vector["headers"]]
        if vector.get("authorization"):
            headers.append(("Authorization", vector["authorization"]))
        yield "aws4", vector["name"], Request(
            vector["secret_key"], vector["method"], target[target.index("/"):], headers, vector["body"]
        )


def huawei():
    for vector in load("huawei"):
        target = vector["path"] + (f"?{vector['query']}" if vector["query"] else "")
        headers = [*vector["headers"].items(), ("Authorization", vector["authorization"])]
        yield "sdk_hmac_sha256", vector["name"], Request(
            vector["sk"], vector["method"], target, headers, vector["body"]
        )


def samsung():
    for vector in load("samsung")["vectors"]:
        host = vector.get("host") or urlsplit(vector["url"]).netloc
        target = vector.get("request_target") or target_of(vector["url"])
        # One was signed for a URL that only the configuration knows, one as another type of client.
        if vector["name"] in ("list-host-override", "fixed-other-client-type"):
            continue
        yield "scp", vector["name"], Request(
            vector["secret_key"],
            vector["method"],
            target,
            [("Host", host), *vector["headers"].items()],
            vector["body"],
            urlsplit(vector["url"]).scheme,
        )


def scloud():
    # Their names differ in letter case only, which is refused although it is signed.
    refused = ("same_name_different_case", "sort_case_digit_underscore_dot_dash", "sort_shared_prefix")
    for vector in load("scloud"):
        if vector["name"] in refused:
            continue
        content_type = "application/json" if vector["encoding"] == "json" else FORM
        headers = [("Host", "api.example.com"), ("Content-Type", content_type)]
        yield "scloud", vector["name"], Request(vector["private_key"], "POST", "/", headers, vector["wire"])


def tencent():
    for vector in load("tencent"):
        target = vector["path"] + (f"?{vector['query']}" if vector["query"] else "")
        headers = [("Host", vector["host"]), *vector["headers"].items()]
        is_v3 = vector["algorithm"].startswith("TC3")
        if is_v3:
            headers.append(("Authorization", vector["authorization"]))
        yield "tc3" if is_v3 else "tencent_v1", vector["name"], Request(
            vector["secret_key"], vector["method"], target, headers, vector["body"]
        )


def write(target, name, text):
    data = text.encode()
    if len(data) <= MAX_BYTES:
        folder = HERE / "seeds" / target
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"vector-{name.replace('_', '-')}").write_bytes(data)


def main():
    for vectors in (aws, huawei, samsung, scloud, tencent):
        for count, (target, name, request) in enumerate(vectors()):
            write(target, name, request.seed())
            is_json = request.body.startswith("{")
            if target in ("tc3", "tencent_v1"):
                write("tencent", name, request.seed())
            if target == "scloud":
                write("json" if is_json else "form", name, request.body)
            elif is_json and count % 8 == 0:
                write("json", name, request.body)
            # A few of each are enough where the scheme does not matter.
            if count % 8 == 0:
                write("explain", name, request.pasted())
                write("head", name, request.on_the_wire())
                write("http2_head", name, request.seed())


if __name__ == "__main__":
    main()
