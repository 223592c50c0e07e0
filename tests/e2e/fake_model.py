"""A model server that answers by script: for tests and benchmarks, as a process of its own. Standard library only.

    python -m tests.e2e.fake_model [--port N]        prints its address, then serves until it is ended

It speaks three protocols, streamed or not: POST /v1/chat/completions, /v1/responses and /v1/messages. What it answers
is the newest user message's to say. Calls without tools whose system text asks for a title or a summary get those.
Else a script: a list of steps, one for each model call that the message causes, found in its text

* between markers:   <<script [{"text": "hi"}] >>
* or by its name:    script:NAME, registered before with POST /scripts {"NAME": [step, ...]}

or, without a script, "You said: <the text>". A step is an object; everything in it may be left out:

    text, chunks      what is said, in how many pieces (1)
    stamps            so many pieces instead, each the time in ns at which it was made, and a space
    reasoning         what is thought first
    tools             [{"name", "args"}]: calls to make
    first, delay      seconds before the first piece and between the others
    status, message   an HTTP error instead, with "headers" of its own
    hang              after this much, be silent until the client goes away
    die               after this much, cut the connection
    usage             [input tokens, output tokens], else [100, 20]
    attempts          steps for the first, second, ... time that the call is made; the last one stays

GET /stats counts what happened, GET /requests has the newest bodies and headers, POST /reset forgets both.
"""

import argparse
import asyncio
import contextlib
import json
import sys
import time
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from itertools import groupby

from .fake_dialects import DIALECTS, Dialect, Json, Said, Step

MARKER = "<<script"


@dataclass
class Statistics:
    """``disconnects`` are the times (Unix, in s) at which clients left in the middle of an answer."""

    requests: int = 0
    open: int = 0
    peak: int = 0
    completed: int = 0
    disconnects: list[float] = field(default_factory=list)
    titles: int = 0


class Scripts:
    """Chooses the step for a call."""

    def __init__(self) -> None:
        self.named: dict[str, list[Step]] = {}
        self._made: Counter[tuple[str, int]] = Counter()

    def step(self, system: str, said: list[Said], tools: bool) -> Step:
        if not tools and (task := _side_task(system)):
            return {"text": f"Scripted {task}"}
        last = max((n for n, message in enumerate(said) if message.user), default=None)
        if last is None:
            return {"text": "Nobody said anything."}
        text = said[last].text
        done = len([role for role, _ in groupby(m.role for m in said[last + 1 :]) if role == "assistant"])
        if (steps := self._find(text)) is not None:
            return self._attempt(text, done, steps)
        return {"text": "You said: " + text.strip()[:2000], "chunks": 8}

    def _find(self, text: str) -> list[Step] | None:
        if MARKER in text:
            rest = text.partition(MARKER)[2].lstrip()
            steps: list[Step] = []
            for source in (rest, rest.replace('\\"', '"')):  # a command line client may have escaped it
                with contextlib.suppress(ValueError):
                    steps = steps or json.JSONDecoder().raw_decode(source)[0]
            return steps or [{"status": 400, "message": "the script between the markers is not JSON"}]
        for word in text.replace('"', " ").split():
            if word.startswith("script:"):
                return self.named.get(word.removeprefix("script:").rstrip(".,"))
        return None

    def _attempt(self, text: str, done: int, steps: list[Step]) -> Step:
        if done >= len(steps):
            return {"text": "(the script is over)"}
        step = steps[done]
        if "attempts" not in step:
            return step
        self._made[text, done] += 1
        attempts: list[Step] = step["attempts"]
        return attempts[min(self._made[text, done], len(attempts)) - 1]


def _side_task(system: str) -> str | None:
    lowered = system.lower()
    return "title" if "title" in lowered else "summary" if "summar" in lowered else None


def _split(step: Step) -> Iterator[str]:
    if "stamps" in step:
        return (f"{time.time_ns()} " for _ in range(step["stamps"]))
    text: str = step.get("text", "")
    pieces = min(step.get("chunks", 1), len(text))
    size = -(-len(text) // pieces) if pieces else 1
    return (text[start : start + size] for start in range(0, len(text), size))


def told(dialect: Dialect, step: Step) -> Iterator[tuple[str | None, Json]]:
    """Up to the closing, which a hanging or dying answer never has."""
    yield from dialect.opening()
    if reasoning := step.get("reasoning"):
        yield from dialect.pieces("reasoning", _split({**step, "text": reasoning}))
    if step.get("text") or step.get("stamps"):
        yield from dialect.pieces("text", _split(step))
    for number, tool in enumerate(step.get("tools", [])):
        arguments = tool.get("args", {})
        yield from dialect.call(
            number, tool["name"], arguments if isinstance(arguments, str) else json.dumps(arguments)
        )


class FakeModel:
    """What all connections share."""

    def __init__(self) -> None:
        self.scripts = Scripts()
        self.statistics = Statistics()
        self.requests: deque[Json] = deque(maxlen=200)


class Connection(asyncio.Protocol):
    """Requests one after another. The client's leaving ends the answer under way."""

    def __init__(self, model: FakeModel) -> None:
        self._model = model
        self._input = b""
        self._answer: asyncio.Task[None] | None = None
        self._headers: dict[str, str] = {}  # of the request that is being answered

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.cancel()

    def data_received(self, data: bytes) -> None:
        self._input += data
        head, found, rest = self._input.partition(b"\r\n\r\n")
        if not found or (self._answer is not None and not self._answer.done()):
            return
        lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        length = int(headers.get("content-length", "0"))
        if len(rest) < length:
            return
        self._input = rest[length:]
        method, path, _ = lines[0].split(" ")
        self._headers = headers
        self._answer = asyncio.get_running_loop().create_task(self._serve(method, path, rest[:length]))

    async def _serve(self, method: str, path: str, body: bytes) -> None:
        model = self._model
        given = json.loads(body) if body else None
        if method == "POST" and path in DIALECTS:
            await self._complete(DIALECTS[path](given), path)
        elif (method, path) == ("POST", "/scripts"):
            model.scripts.named.update(given)
            self._send(200, {"known": sorted(model.scripts.named)})
        elif (method, path) == ("POST", "/reset"):
            model.statistics = Statistics(open=model.statistics.open)
            model.requests.clear()
            self._send(200, {})
        elif (method, path) == ("GET", "/stats"):
            self._send(200, asdict(model.statistics))
        elif (method, path) == ("GET", "/requests"):
            self._send(200, list(model.requests))
        else:
            self._send(404, {"error": {"message": f"there is no {method} {path} here"}})

    def _send(self, status: int, body: Json, headers: dict[str, str] | None = None) -> None:
        content = json.dumps(body).encode()
        lines = {"content-type": "application/json", "content-length": str(len(content)), **(headers or {})}
        self._head(status, lines)
        self._transport.write(content)

    def _head(self, status: int, headers: dict[str, str]) -> None:
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self._transport.write(f"HTTP/1.1 {status} Scripted\r\n{lines}\r\n".encode())

    async def _complete(self, dialect: Dialect, path: str) -> None:
        statistics = self._model.statistics
        self._model.requests.append(
            {"at": time.time(), "path": path, "body": dialect.request, "headers": self._headers}
        )
        step = self._model.scripts.step(dialect.system, dialect.said, dialect.tools)
        statistics.requests += 1
        statistics.titles += step.get("text") == "Scripted title"
        statistics.open += 1
        statistics.peak = max(statistics.peak, statistics.open)
        try:
            await self._play(dialect, step)
            statistics.completed += 1
        except asyncio.CancelledError:
            self._model.statistics.disconnects.append(time.time())
            raise
        finally:
            self._model.statistics.open -= 1

    async def _play(self, dialect: Dialect, step: Step) -> None:
        if "first" in step:
            await asyncio.sleep(step["first"])
        if "status" in step:
            self._send(step["status"], dialect.error(step.get("message", "scripted failure")), step.get("headers"))
        elif not dialect.streamed:
            self._send(200, dialect.whole(step))
        else:
            await self._stream(dialect, step)

    async def _stream(self, dialect: Dialect, step: Step) -> None:
        self._head(200, {"content-type": "text/event-stream", "transfer-encoding": "chunked"})
        for event, data in told(dialect, step):
            self._event(event, data)
            if "delay" in step:
                await asyncio.sleep(step["delay"])
        if step.get("die"):
            self._transport.abort()
            return
        if step.get("hang"):
            await asyncio.get_running_loop().create_future()
        for event, data in dialect.closing(step):
            self._event(event, data)
        self._transport.write(b"0\r\n\r\n")

    def _event(self, event: str | None, data: Json) -> None:
        if event is not None:
            data = {"type": event, **data}
        text = (f"event: {event}\n" if event else "") + f"data: {data if data == '[DONE]' else json.dumps(data)}\n\n"
        frame = text.encode()
        self._transport.write(b"%x\r\n%b\r\n" % (len(frame), frame))


async def serve(host: str, port: int, until_eof: bool) -> None:
    model = FakeModel()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(model), host, port)
    print("http://{}:{}".format(*server.sockets[0].getsockname()[:2]), flush=True)
    if until_eof:
        await loop.run_in_executor(None, sys.stdin.buffer.read)
    else:
        await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="A model server that answers by script")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--until-eof", action="store_true", help="end with the standard input: with who holds it")
    arguments = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(arguments.host, arguments.port, arguments.until_eof))
