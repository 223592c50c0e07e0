"""A language server that misbehaves as its argument says. It finds fault with every line that says BAD."""

import json
import os
import sys
import time
from typing import Any

MODE = sys.argv[1] if len(sys.argv) > 1 else ""


def write(data: bytes) -> None:
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def send(message: dict[str, Any]) -> None:
    data = json.dumps({"jsonrpc": "2.0", **message}).encode()
    write(b"Content-Length: %d\r\nContent-Type: x\r\n\r\n" % len(data) + data)


def receive() -> dict[str, Any]:
    length = 0
    while (line := sys.stdin.buffer.readline()) != b"\r\n":
        if not line:
            sys.exit(0)
        if line.lower().startswith(b"content-length"):
            length = int(line.split(b":")[1])
    return json.loads(sys.stdin.buffer.read(length))


def diagnose(document: dict[str, Any], text: str) -> None:
    found = [
        {
            "range": {"start": {"line": number, "character": 0}, "end": {"line": number, "character": len(line)}},
            "severity": 1 if "BAD" in line else 2,
            "message": line,
        }
        for number, line in enumerate(text.split("\n"))
        if "BAD" in line or "WARN" in line
    ]
    send(
        {
            "method": "textDocument/publishDiagnostics",
            "params": {"uri": document["uri"], "version": document["version"], "diagnostics": found},
        }
    )


def misbehave() -> None:
    if MODE == "moody":
        send({"method": "window/showMessage", "params": {"type": 3, "message": "all is well"}})
        send({"method": "window/showMessage", "params": {"type": 1, "message": "no workspace" + "!" * 5000}})
    if MODE == "crash":
        os._exit(3)
    if MODE == "garbage":
        write(b"what is this\n" * 1000)
    if MODE == "nonsense":
        write(b"Content-Length: 9\r\n\r\nnot json!")
    if MODE == "huge":
        write(b"Content-Length: 99999999999\r\n\r\n")
    if MODE == "deaf":
        time.sleep(600)
    while MODE == "flood":
        send({"method": "window/logMessage", "params": {"type": 3, "message": "x" * 100}})


def symbol(name: str, kind: int) -> dict[str, Any]:
    return {"name": name, "kind": kind, "location": {"uri": "file:///x", "range": {
        "start": {"line": 1, "character": 2}, "end": {"line": 1, "character": 4}}}}  # fmt: skip


def main() -> None:
    if MODE == "exits":
        sys.stderr.write("no such language")
        sys.exit(1)
    seen: list[str] = []
    while True:
        message = receive()
        method, params, id = message.get("method"), message.get("params") or {}, message.get("id")
        seen.append(str(method))
        if MODE == "hang":
            continue
        if method == "initialize":
            send({"id": id, "result": {"capabilities": {"textDocumentSync": 1}}})
        elif method in ("textDocument/didOpen", "textDocument/didChange"):
            misbehave()
            if MODE != "silent":
                text = params["contentChanges"][-1] if "contentChanges" in params else params["textDocument"]
                diagnose(params["textDocument"], text["text"])
        elif method == "workspace/symbol":
            send({"id": id, "result": [symbol(params["query"], 12), symbol("text", 15), symbol(str(os.getpid()), 5)]})
        elif method == "test/seen":
            send({"id": id, "result": seen})
        elif method and id is not None:
            send({"id": id, "result": None})


main()
