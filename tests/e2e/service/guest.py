"""Runs in the image, with its own Python: a client of the service there.

``call METHOD PATH [BODY]`` prints status and answer; ``listen PATH`` prints the events of a stream until it ends."""

import json
import sys
import urllib.error
import urllib.request
from pathlib import Path

URL = "http://127.0.0.1:4096"


def request(method: str, path: str, body: str | None = None) -> urllib.request.Request:
    credential = Path("/var/lib/oad/credential").read_text().strip()
    headers = {"authorization": f"Bearer {credential}", "content-type": "application/json"}
    return urllib.request.Request(URL + path, body.encode() if body else None, headers, method=method)


def call(method: str, path: str, body: str | None = None) -> None:
    try:
        with urllib.request.urlopen(request(method, path, body), timeout=60) as answer:
            print(answer.status, answer.read().decode())
    except urllib.error.HTTPError as error:
        print(error.code, error.read().decode())


def listen(path: str) -> None:
    with urllib.request.urlopen(request("GET", path)) as stream:
        for line in stream:
            if line.startswith(b"data:"):
                print(json.loads(line[5:]).get("type"), flush=True)


if __name__ == "__main__":
    {"call": call, "listen": listen}[sys.argv[1]](*sys.argv[2:])
