"""A formatter and a language server that run commands of the shell, as ways in for the tests of the walls.

Each finds its command in the workspace: the configuration that names them is there before the first one is known.
"""

import shutil
import sys
from pathlib import Path

from .server import Json

_PYTHON = shutil.which("python3", path="/usr/bin:/bin") or sys.executable

# It says by symbols what the command has printed, for it may not write. A look for symbols that comes before the end
# of the command is answered with none.
_SERVER = """
import json, subprocess, sys
def send(id, result):
    data = json.dumps({"jsonrpc": "2.0", "id": id, "result": result}).encode()
    sys.stdout.buffer.write(b"Content-Length: %d\\r\\n\\r\\n" % len(data) + data)
    sys.stdout.buffer.flush()
def receive():
    length = 0
    while (line := sys.stdin.buffer.readline()) != b"\\r\\n":
        if not line: sys.exit(0)
        if line.lower().startswith(b"content-length"): length = int(line.split(b":")[1])
    return json.loads(sys.stdin.buffer.read(length))
running, file = None, None
here = {"start": {"line": 0, "character": 0}, "end": {"line": 0, "character": 0}}
while True:
    message = receive()
    method, id = message.get("method"), message.get("id")
    if method == "initialize":
        send(id, {"capabilities": {"textDocumentSync": 1, "workspaceSymbolProvider": True}})
    elif method == "workspace/symbol":
        if running is None:
            file = open("/tmp/printed", "w+")
            running = subprocess.Popen(["/bin/bash", "-c", open("command.trap").read()], stdin=subprocess.DEVNULL,
                                       stdout=file, stderr=subprocess.STDOUT)
        lines = open("/tmp/printed").read().splitlines() if running.poll() is not None else []
        place = {"uri": "file:///x", "range": here}
        send(id, [{"name": line, "kind": 12, "location": place} for line in lines])
    elif id is not None:
        send(id, None)
"""


def configuration() -> dict[str, Json]:
    printing = '/bin/bash "$1.command" > "$1" 2>&1; true'
    return {
        "formatter": {"trap": {"command": ["/bin/sh", "-c", printing, "sh", "$FILE"], "extensions": [".formatted"]}},
        "lsp": {"trap": {"command": [_PYTHON, "-S", "-E", "-c", _SERVER], "extensions": [".trap"]}},
    }


def lay_command(place: Path, name: str, command: str) -> None:
    (place / name).write_text(command)
