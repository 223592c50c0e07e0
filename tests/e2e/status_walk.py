"""A random walk over a real server, and what must be true wherever it goes: ``busy`` exactly when a run executes.

What executes is known from the walk itself, from programs that carry a mark, and from the order of events; never from
what the server says of it.
"""

import contextlib
import itertools
import os
import random
import signal
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import httpx2
import trio

from .cut_reader import CutReader
from .model import Model
from .server import Json, Server, kill, until

SESSIONS: Final = 3
PATIENCE_S: Final = 30.0
SCRIPTS: Final[dict[str, list[Json]]] = {
    "status-quick": [{"text": "done", "chunks": 3}],
    "status-hang": [{"text": "never", "hang": 1}],
    "status-ask": [{"tools": [{"name": "bash", "args": {"command": "rm status-walk"}}]}, {"text": "asked"}],
}


def said(text: str) -> Json:
    return {"parts": [{"type": "text", "text": text}]}


def lives(mark: str) -> bool:
    """Whether a program with that argument of its own does; psutil would take most of the walk's time for it."""
    wanted = b"\0" + mark.encode() + b"\0"
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError):
                if wanted in Path("/proc", name, "cmdline").read_bytes():
                    return True
    return False


class Told(CutReader):
    """What events say: the last status of each session, and whatever contradicts it."""

    def __init__(self, server: Server) -> None:
        super().__init__(server, "/event", 0)
        self.statuses: dict[str, str] = {}
        self.wrong: list[str] = []
        self.connections = 0

    def observe(self, event: Json) -> None:
        properties, type = event["properties"], event["type"]
        if type == "server.connected":
            self.connections += 1
        session = properties.get("sessionID") or properties.get("info", {}).get("id", "")
        if type == "session.status":
            self.statuses[session] = properties["status"]["type"]
        elif type == "session.deleted":
            self.statuses.pop(session, None)
        elif type == "session.idle" and self.statuses.get(session, "idle") != "idle":
            self.wrong.append(f"{session} is idle after {self.statuses[session]}")
        elif type == "message.part.delta" and self.statuses.get(session, "idle") == "idle":
            self.wrong.append(f"{session} streams without being busy")
        elif type == "server.replay_incomplete":
            self.wrong.append("events are missing")

    def busy(self) -> set[str]:
        return {session for session, status in self.statuses.items() if status != "idle"}


class Walk:
    """``steps``: what was done, how often. ``running``: sessions whose run can't end by itself, with what holds it."""

    def __init__(self, server: Server, model: Model, seed: int) -> None:
        self.steps: Counter[str] = Counter()
        self.running: dict[str, str] = {}
        self.sessions: list[str] = []
        self._server = server
        self._random = random.Random(seed)
        self._told = Told(server)
        self._reading: trio.CancelScope | None = None
        self._marks: dict[str, str] = {}
        self._numbers = itertools.count(self._random.randrange(10**6))
        self._history: list[str] = []
        model.register(**SCRIPTS)
        self._actions: list[tuple[float, Callable[[str], Awaitable[None]]]] = [
            (10, self._prompt_quick),
            (6, self._prompt_and_wait),
            (7, self._prompt_hang),
            (5, self._prompt_command),
            (4, self._prompt_ask),
            (4, self._prompt_behind),
            (3, self._say_only),
            (10, self._abort),
            (3, self._answer),
            (0.8, self._kill_worker),
            (1, self._delete),
            (1, self._reconnect),
            (0.1, self._kill_gateway),
            (0.1, self._kill_daemon),
        ]

    async def run(self, steps: int, seconds: float = 1e9) -> int:
        """Returns how many steps were made; fails at the first untruth."""
        deadline = trio.current_time() + seconds
        async with self._server.client() as self._client, trio.open_nursery() as nursery:
            nursery.start_soon(self._read_on)
            for _ in range(SESSIONS):
                self.sessions.append(await self._create())
            while self.steps.total() < steps and trio.current_time() < deadline:
                await self._step()
                if self.steps.total() % 500 == 0:
                    print(self.steps.total(), flush=True)
            nursery.cancel_scope.cancel()
        return self.steps.total()

    async def _step(self) -> None:
        weights = [weight for weight, _ in self._actions]
        (_, action), session = self._random.choices(self._actions, weights)[0], self._random.choice(self.sessions)
        name = action.__name__.removeprefix("_")
        self._history = [*self._history[-15:], f"{name} {session[-4:]} ({self.running.get(session, 'idle')})"]
        self.steps[name] += 1
        try:
            await action(session)
            await self._settle()
            self._check_processes()
            assert not self._told.wrong, self._told.wrong
        except (AssertionError, httpx2.TransportError) as error:
            raise AssertionError("\n".join([str(error), "after:", *self._history])) from error

    async def _ask(self, method: str, path: str, body: Json = None, *, status: int = 200) -> Json:
        """As the server's own, over connections that are kept."""
        response = await self._client.request(method, path, json=body)
        assert response.status_code == status, f"{method} {path}: {response.status_code} {response.text[:500]}"
        return response.json() if response.content else None

    async def _was_taken(self, session: str, path: str, text: str, **more: Json) -> bool:
        """Not by a worker that was killed a moment ago, which nobody may know yet, nor by one that failed too often."""
        response = await self._client.post(f"/session/{session}/{path}", json={**said(text), **more})
        if response.status_code in (500, 503) and "worker" in response.text:
            self.steps["refused"] += 1
            return False
        assert response.status_code in (200, 204), f"{response.status_code} {response.text[:500]}"
        return True

    async def _create(self) -> str:
        return str((await self._ask("POST", "/session", {}))["id"])

    # --- what must be true --------------------------------------------------------------------------------------------

    async def _busy(self) -> set[str]:
        """By GET /session/status, now."""
        return {id for id, status in (await self._ask("GET", "/session/status")).items() if status["type"] != "idle"}

    async def _settle(self) -> None:
        """Runs that end by themselves have ended: both ways of asking then give what runs."""
        expected = set(self.running)

        async def agrees() -> bool:
            return await self._busy() == expected and self._told.busy() == expected

        try:
            await until(agrees, "the statuses are true", timeout_s=PATIENCE_S)
        except AssertionError as error:
            found = f"GET says {await self._busy()}, events {self._told.busy()}, running are {expected}"
            raise AssertionError(f"{error}: {found}") from None

    def _check_processes(self) -> None:
        for session, mark in self._marks.items():
            assert lives(mark) == (self.running.get(session) == "command"), f"the command of {session}"
        self._marks = {session: mark for session, mark in self._marks.items() if session in self.running}

    async def _is_busy_now(self, session: str) -> bool:
        return session in await self._busy()

    # --- what is done -------------------------------------------------------------------------------------------------

    async def _send(self, session: str, text: str, kind: str) -> None:
        """The answer to the prompt and the next question never disagree."""
        was = self.running.get(session)
        if await self._was_taken(session, "prompt_async", text) and was is None and kind:
            self.running[session] = kind
            assert await self._is_busy_now(session), "a prompt was taken, and the session is not busy"

    async def _prompt_quick(self, session: str) -> None:
        await self._send(session, "script:status-quick", "")

    async def _prompt_and_wait(self, session: str) -> None:
        if session not in self.running:
            await self._was_taken(session, "message", "script:status-quick")
            assert not await self._is_busy_now(session), "the answer is there, and the session is busy"

    async def _prompt_hang(self, session: str) -> None:
        if session not in self.running:
            await self._send(session, "script:status-hang", "hang")

    async def _prompt_command(self, session: str) -> None:
        if session in self.running:
            return
        mark = self._marks[session] = f"87{next(self._numbers):07d}"
        step = f'[{{"tools": [{{"name": "bash", "args": {{"command": "sleep {mark}"}}}}]}}]'
        await self._send(session, f"<<script {step} >>", "command")
        if session in self.running:
            await until(lambda: lives(mark), "the command runs", timeout_s=PATIENCE_S)

    async def _prompt_ask(self, session: str) -> None:
        if session not in self.running:
            await self._send(session, "script:status-ask", "ask")
        if self.running.get(session) == "ask":
            await until(lambda: self._asked(session), "the question is asked", timeout_s=PATIENCE_S)

    async def _prompt_behind(self, session: str) -> None:
        """One that waits until the run before it has ended."""
        if self.running.get(session) in ("command", "ask"):
            await self._send(session, "script:status-quick", "")

    async def _say_only(self, session: str) -> None:
        await self._was_taken(session, "message", "by the way", noReply=True)

    async def _abort(self, session: str) -> None:
        mode = self._random.choice(["", "?mode=soft&grace=0.05", "?mode=term", "?mode=kill", "?mode=term&grace=0"])
        await self._ask("POST", f"/session/{session}/abort{mode}")
        self.running.pop(session, None)
        assert not await self._is_busy_now(session), f"stopped{mode}, and the session is busy"
        if mark := self._marks.get(session):
            assert not lives(mark), f"stopped{mode}, and its command lives"

    async def _asked(self, session: str) -> bool:
        return bool(await self._asks(session))

    async def _asks(self, session: str) -> list[str]:
        asks = await self._ask("GET", "/permission")
        return [ask["id"] for ask in asks if ask["sessionID"] == session]

    async def _answer(self, session: str) -> None:
        if self.running.get(session) != "ask":
            return
        (ask,) = await self._asks(session)
        reply = self._random.choice(["once", "reject"])
        await self._ask("POST", f"/permission/{ask}/reply", {"reply": reply})
        del self.running[session]

    async def _kill_worker(self, session: str) -> None:
        for process in self._server.named("oad-session", "worker", session):
            process.send_signal(signal.SIGKILL)
            self.running.pop(session, None)

    async def _delete(self, session: str) -> None:
        await self._ask("DELETE", f"/session/{session}")
        self.running.pop(session, None)
        assert not await self._is_busy_now(session), "deleted, and busy"
        self.sessions[self.sessions.index(session)] = await self._create()

    async def _reconnect(self, session: str) -> None:
        connections = self._told.connections
        assert self._reading is not None
        self._reading.cancel()
        await until(lambda: self._told.connections > connections, "events come again", timeout_s=PATIENCE_S)

    async def _kill_gateway(self, session: str) -> None:
        connections = self._told.connections
        kill(self._server.one("oad-gateway"))
        await until(self._server._healthy, "the gateway is back", timeout_s=PATIENCE_S)
        await until(lambda: self._told.connections > connections, "events come again", timeout_s=PATIENCE_S)

    async def _kill_daemon(self, session: str) -> None:
        """Streams of events stay open, and tell what became of the runs."""
        connections = self._told.connections
        old = self._server.one("oad-daemon")
        kill(old)
        self.running.clear()
        await until(
            lambda: [p.pid for p in self._server.named("oad-daemon")] not in ([], [old.pid]),
            "the daemon is started again",
            timeout_s=PATIENCE_S,
        )
        await until(self._server._healthy, "the daemon is back", timeout_s=PATIENCE_S)
        assert self._told.connections == connections, "the stream of events broke off"

    async def _read_on(self) -> None:
        while True:
            with trio.CancelScope() as self._reading, contextlib.suppress(OSError):
                await self._told.read()
            await trio.sleep(0.01)
