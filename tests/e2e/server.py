"""A real server on scratch directories: started, asked over HTTP, looked into, and hurt."""

import base64
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx2
import msgspec
import psutil
import trio

Json = Any


class Server:
    """``oad serve`` with the demo model. ``home`` takes everything it writes, ``project`` is its clients' directory.
    ``data`` lies elsewhere if told so; ``launcher`` is a command that runs it, as another user for example."""

    def __init__(
        self,
        home: Path,
        project: Path,
        *,
        environment: Mapping[str, str] | None = None,
        data: Path | None = None,
        launcher: Sequence[str] = (),
    ) -> None:
        self.project = project
        self.data = data or home / "data"
        self.log = self.data.with_name("server.log")
        self._launcher = launcher
        self._home = home
        self._environment = dict(environment or {})
        self._process: subprocess.Popen[bytes] | None = None
        self._seen: dict[int, psutil.Process] = {}

    # --- its life -------------------------------------------------------------------------------------------------

    async def start(self, *options: str, timeout_s: float = 30) -> None:
        """Returns when it is healthy."""
        (self.data / "run" / "address").unlink(missing_ok=True)  # the last run's port may be another server's by now
        open_to_all = [] if "OPENCODE_SERVER_PASSWORD" in self._environment else ["--no-auth"]
        serve = ["serve", *open_to_all, "--data-dir", str(self.data)]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: ASYNC220  it takes a millisecond, and trio must not own it
                [*self._launcher, sys.executable, "-m", "oad.cli.main", *serve, *options],
                cwd=self.project,
                env=self._variables(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        await until(self._healthy, "the server is healthy", timeout_s=timeout_s)

    def _variables(self) -> dict[str, str]:
        """Nothing of this user's configuration or keys, lest a test talk to a real model."""
        passed = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "LANG") if name in os.environ}
        return {**passed, "HOME": str(self._home), **self._environment}

    @property
    def url(self) -> str:
        return (self.data / "run" / "address").read_text().strip()

    async def _healthy(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"the server ended:\n{self.log.read_text()[-3000:]}"
        try:
            async with self.client() as client:
                return (await client.get("/session/status", timeout=2)).status_code == 200
        except (OSError, httpx2.TransportError):
            return False

    async def stop(self, timeout_s: float = 20) -> int:
        """Asks it to end, as an operator would; returns the exit status."""
        assert self._process is not None
        self.remember()
        self._process.send_signal(signal.SIGTERM)
        return await self._ended(timeout_s)

    async def ended(self, timeout_s: float = 30) -> int:
        """Its exit status, when it was asked to end in another way than by ``stop``."""
        return await self._ended(timeout_s)

    async def _ended(self, timeout_s: float) -> int:
        process = self._process
        assert process is not None
        await until(lambda: process.poll() is not None, "the server has ended", timeout_s=timeout_s)
        self._process = None
        return int(process.returncode)

    async def kill_everything(self) -> None:
        """SIGKILL to every process of the server at once, as the kernel's last resort would."""
        for process in [psutil.Process(self.pid), *self.processes()]:
            kill(process)
        await self._ended(10)

    def logged(self) -> str:
        """The end of what its processes have written."""
        file = self.data / "log" / "oad.log"
        return self.log.read_text()[-3000:] + (file.read_text()[-5000:] if file.exists() else "")

    def discard(self) -> None:
        """The end of a test: nothing of it may live on, whatever the test has done."""
        self.remember()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        for process in self._seen.values():
            kill(process)

    # --- its processes --------------------------------------------------------------------------------------------

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def processes(self) -> list[psutil.Process]:
        """Everything below the parent now."""
        return self.remember()

    def remember(self) -> list[psutil.Process]:
        """Also keeps them in mind for ``discard``, should they lose their parents."""
        found = psutil.Process(self._process.pid).children(recursive=True) if self._process else []
        self._seen.update({process.pid: process for process in found})
        return found

    def named(self, *words: str) -> list[psutil.Process]:
        """The living ones whose title contains every word, such as ``oad-daemon``, ``oad-session`` and ``worker``."""
        return [p for p in self.processes() if is_alive(p) and all(word in title(p) for word in words)]

    def one(self, *words: str) -> psutil.Process:
        (found,) = self.named(*words)
        return found

    # --- asking it ------------------------------------------------------------------------------------------------

    def authorization(self) -> dict[str, str]:
        """As a header, for what is no httpx."""
        password = self._environment.get("OPENCODE_SERVER_PASSWORD")
        pair = base64.b64encode(f"opencode:{password}".encode()).decode()
        return {"authorization": f"Basic {pair}"} if password else {}

    def client(self) -> httpx2.AsyncClient:
        headers = {"x-opencode-directory": str(self.project)}
        password = self._environment.get("OPENCODE_SERVER_PASSWORD")
        auth = ("opencode", password) if password else None
        return httpx2.AsyncClient(base_url=self.url, headers=headers, auth=auth, timeout=60, trust_env=False)

    async def ask(self, method: str, path: str, body: Json = None, *, status: int = 200) -> Json:
        """One request with an answer in JSON (None if empty), of the expected status."""
        async with self.client() as client:
            content = None if body is None else msgspec.json.encode(body)
            headers = {"content-type": "application/json"} if content is not None else {}
            response = await client.request(method, path, content=content, headers=headers)
        assert response.status_code == status, f"{method} {path}: {response.status_code} {response.text[:1000]}"
        return msgspec.json.decode(response.content) if response.content else None

    async def create(self, **fields: Json) -> str:
        return str((await self.ask("POST", "/session", fields))["id"])

    async def prompt(self, session: str, text: str) -> Json:
        return await self.ask("POST", f"/session/{session}/message", {"parts": [{"type": "text", "text": text}]})

    async def prompt_async(self, session: str, text: str) -> None:
        body = {"parts": [{"type": "text", "text": text}]}
        await self.ask("POST", f"/session/{session}/prompt_async", body, status=204)

    async def messages(self, session: str) -> list[Json]:
        found: list[Json] = await self.ask("GET", f"/session/{session}/message")
        return found

    async def statuses(self) -> dict[str, Json]:
        found: dict[str, Json] = await self.ask("GET", "/session/status")
        return found

    @asynccontextmanager
    async def events(self, path: str = "/event", **query: str) -> AsyncIterator["Events"]:
        """An open event stream; what arrives is gathered from the first event on."""
        target = path + ("?" + urlencode(query) if query else "")
        async with self.client() as client, client.stream("GET", target, timeout=None) as response:
            assert response.status_code == 200, response.status_code
            events = Events()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(events.read, response)
                await events.until(lambda event: event["type"] == "server.connected")
                yield events
                nursery.cancel_scope.cancel()


class Events:
    """``seen`` grows as events arrive; those of /global/event without their envelope."""

    def __init__(self) -> None:
        self.seen: list[Json] = []
        self.ended = trio.Event()

    async def read(self, response: httpx2.Response) -> None:
        try:
            async for line in response.aiter_lines():
                if line.startswith("data: "):
                    event = msgspec.json.decode(line.removeprefix("data: "))
                    self.seen.append(event.get("payload", event))
        except httpx2.TransportError:
            pass  # a server that was killed breaks its streams off
        finally:
            self.ended.set()

    def types(self) -> list[str]:
        return [event["type"] for event in self.seen]

    async def until(self, wanted: Callable[[Json], bool], *, timeout_s: float = 20) -> Json:
        """The first event that is wanted, of those that came already or will come."""
        await until(lambda: any(wanted(event) for event in self.seen), "the event arrives", timeout_s=timeout_s)
        return next(event for event in self.seen if wanted(event))


async def until(condition: Callable[[], bool | Awaitable[bool]], what: str, *, timeout_s: float = 20) -> None:
    """Waits for a condition. Fails with ``what`` when it does not come true."""
    with trio.move_on_after(timeout_s) as scope:
        while not await _holds(condition):  # noqa: ASYNC110  it comes true in another process
            await trio.sleep(0.03)
    assert not scope.cancelled_caught, f"in {timeout_s} s it did not happen that {what}"


async def _holds(condition: Callable[[], bool | Awaitable[bool]]) -> bool:
    result = condition()
    return result if isinstance(result, bool) else await result


def title(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def any_alive(processes: Iterable[psutil.Process]) -> bool:
    return any(is_alive(process) for process in processes)


def kill(process: psutil.Process) -> None:
    """psutil compares the start time first: never another process that has got the number since."""
    try:
        process.kill()
    except psutil.NoSuchProcess:
        return


def open_parts(messages: Iterable[Json]) -> list[Json]:
    """Parts of messages as the API lists them that claim to be still in the making."""
    return [part for message in messages for part in message["parts"] if _is_open(part)]


def _is_open(part: Json) -> bool:
    if part["type"] == "tool":
        return part["state"]["status"] in ("pending", "running")
    return part["type"] in ("text", "reasoning") and "time" in part and "end" not in part["time"]


def open_messages(messages: Iterable[Json]) -> list[Json]:
    return [m["info"] for m in messages if m["info"]["role"] == "assistant" and "completed" not in m["info"]["time"]]
