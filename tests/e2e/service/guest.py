"""Runs in the image, with its own Python: a client of the service there.

``call METHOD PATH [BODY]`` prints status, Retry-After and answer; ``listen PATH`` prints the events of a stream until
it ends, ``serve PORT`` answers every request with "hello"."""

import http.server
import json
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

URL = "http://127.0.0.1:4096"


def request(method: str, path: str, body: str | None = None) -> urllib.request.Request:
    credential = Path("/var/lib/oad/credential").read_text().strip()
    headers = {"authorization": f"Bearer {credential}", "content-type": "application/json"}
    return urllib.request.Request(URL + path, body.encode() if body else None, headers, method=method)


def call(method: str, path: str, body: str | None = None) -> None:
    try:
        with urllib.request.urlopen(request(method, path, body), timeout=150) as answer:
            print(answer.status, "-", answer.read().decode())
    except urllib.error.HTTPError as error:
        print(error.code, error.headers.get("retry-after", "-"), error.read().decode())


def listen(path: str) -> None:
    with urllib.request.urlopen(request("GET", path)) as stream:
        for line in stream:
            if line.startswith(b"data:"):
                print(json.loads(line[5:]).get("type"), flush=True)


class Hello(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"hello")


def serve(port: str) -> None:
    http.server.HTTPServer(("127.0.0.1", int(port)), Hello).serve_forever()


if __name__ == "__main__":
    commands: dict[str, Callable[..., None]] = {"call": call, "listen": listen, "serve": serve}
    commands[sys.argv[1]](*sys.argv[2:])
