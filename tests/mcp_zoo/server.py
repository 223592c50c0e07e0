"""An MCP server on its standard streams, without the SDK so that it starts quickly, and with bad manners by name.

usage: server.py [MANNER] [MARK]    MARK is a duration for `sleep`, by which its processes are found.
"""

import json
import os
import signal
import subprocess
import sys
import time
from typing import Any

manner = sys.argv[1] if len(sys.argv) > 1 else "good"
mark = sys.argv[2] if len(sys.argv) > 2 else "600"

ONE_PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
NUMBERS = {"type": "object", "properties": {"a": {"type": "number"}, "b": {"type": "number"}}, "required": ["a", "b"]}
TOOLS: list[dict[str, Any]] = [
    {"name": name, "description": f"the tool {name}", "inputSchema": schema}
    for name, schema in {
        "add": NUMBERS,
        "fail": {"type": "object"},
        "draw": {"type": "object"},
        "wait": {"type": "object"},
        "crash": {"type": "object"},
        "steps": {"type": "object"},
        "grow": {"type": "object"},
        "env": {"type": "object"},
        "long": {"type": "object"},
        "run": {"type": "object", "properties": {"command": {"type": "string"}}},
    }.items()
]
PROMPT = {"name": "greet", "description": "a prompt", "arguments": [{"name": "who", "required": True}, {"name": "how"}]}
RESOURCES = [{"uri": "mem://one", "name": "one", "mimeType": "text/plain"}, {"uri": "mem://two", "name": "two"}]


def send(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    sys.stdout.flush()


def text(said: object, **more: Any) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": str(said)}], **more}


def call(id: object, params: dict[str, Any]) -> dict[str, Any] | None:
    given = params.get("arguments") or {}
    match params["name"]:
        case "add":
            return text(given["a"] + given["b"])
        case "fail":
            return text("it failed", isError=True)
        case "draw":
            return {"content": [{"type": "image", "data": ONE_PIXEL, "mimeType": "image/png"}]}
        case "crash":
            print("I am about to crash", file=sys.stderr, flush=True)
            os._exit(7)
        case "steps":
            for step in range(6):
                token = params.get("_meta", {}).get("progressToken")
                send({"method": "notifications/progress", "params": {"progressToken": token, "progress": step}})
                time.sleep(0.1)
            return text("took its time")
        case "grow":
            TOOLS.append({"name": "grown", "description": "new", "inputSchema": {"type": "object"}})
            send({"method": "notifications/tools/list_changed"})
            return text("grown")
        case "env":
            return text(json.dumps({"env": dict(os.environ), "cwd": os.getcwd()}))
        case "long":
            return text("x" * 100 + "\n" * 5000)
        case "run":
            done = subprocess.run(
                ["/bin/sh", "-c", given["command"]],
                check=False,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
            )
            return text(f"{done.stdout}{done.stderr}\nexit {done.returncode}")
        case _:
            return None  # "wait": never


def answer(message: dict[str, Any]) -> dict[str, Any] | None:
    params = message.get("params") or {}
    match message["method"]:
        case "initialize":
            have = {"tools": {"listChanged": True}, "prompts": {}, "resources": {}}
            info = {"name": "zoo", "version": "1"}
            return {"protocolVersion": params["protocolVersion"], "capabilities": have, "serverInfo": info}
        case "tools/list":
            return {"tools": TOOLS}
        case "prompts/list":
            return {"prompts": [PROMPT]}
        case "prompts/get":
            said = f"Greet {params['arguments'].get('who')} {params['arguments'].get('how')}"
            return {"messages": [{"role": "user", "content": {"type": "text", "text": said}}]}
        case "resources/list":
            return {"resources": RESOURCES}
        case "resources/read":
            uri = params["uri"]
            if uri == "mem://two":
                return {"contents": [{"uri": uri, "mimeType": "image/png", "blob": ONE_PIXEL}]}
            return {"contents": [{"uri": uri, "mimeType": "text/plain", "text": "the body of one"}]}
        case "tools/call":
            return call(message["id"], params)
        case _:
            return {}


def misbehave() -> None:
    match manner:
        case "exits":
            print("cannot find my settings", file=sys.stderr, flush=True)
            sys.exit(3)
        case "hangs":
            time.sleep(600)
        case "floods":
            line = b'{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}\n' * 1000
            while True:
                os.write(1, line)
        case "babbles":
            while True:
                os.write(1, b"lorem ipsum dolor sit amet\n" * 1000)
        case "endless":
            os.write(1, b'{"jsonrpc":')
            while True:
                os.write(1, b" " * 65536)
        case "deaf":
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            subprocess.Popen(["setsid", "sleep", mark], stdin=subprocess.DEVNULL)
        case "forks":
            if os.fork():
                time.sleep(0.2)
                os._exit(0)
            os.setsid()
            subprocess.Popen(["sleep", mark], stdin=subprocess.DEVNULL)
        case "greets":
            print("Welcome to the zoo server!", flush=True)
        case _ if len(sys.argv) > 2:
            subprocess.Popen(["sleep", mark], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        case _:
            pass


misbehave()
for line in sys.stdin:
    request = json.loads(line)
    if "id" not in request or "method" not in request:
        continue
    if (result := answer(request)) is not None:
        send({"id": request["id"], "result": result})
if manner == "deaf":
    time.sleep(600)
