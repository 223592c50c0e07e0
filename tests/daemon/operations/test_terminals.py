"""Terminals as clients ask for them, with workers that only pretend."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio
from live import LinkWorker, Live, live_daemon, nothing, until

from oad.contract.errors import ApiError, bad_request
from oad.contract.limits import LimitPolicy
from oad.contract.policy import JobPolicy, Policy
from oad.contract.terminal import PtyStart
from oad.contract.wire import Call, Data, Frame, Origin
from oad.daemon.operations.terminals import find_own_shell, find_shells
from oad.daemon.relay import Relay
from oad.link import Answer

WHO = Origin("alice (basic)", "127.0.0.1", "CONNECT")


async def refuse(worker: LinkWorker, call: Call, body: bytes) -> Answer:
    await trio.lowlevel.checkpoint()
    raise bad_request("no such program")


async def config(worker: LinkWorker, call: Call, body: bytes) -> Answer:
    await trio.lowlevel.checkpoint()
    return Answer(b'{"shell":"/bin/configured-zsh"}')


async def show(worker: LinkWorker, call: Call, body: bytes) -> Answer:
    """A viewer that is shown its cursor, and sees nothing else until the end."""
    await worker.peer.send(Data(call.id), f"from {call.params['cursor']}".encode())
    await worker.finish.wait()
    return Answer(b"true")


def serving(live: Live) -> Live:
    live.spawner.operations |= {
        "pty.start": nothing,
        "pty.resize": nothing,
        "pty.attach": show,
        "config.get": config,
    }
    return live


def types(live: Live) -> list[str]:
    return [event.type for event in live.published if event.type.startswith("pty.")]


def refusal(status: int) -> "AbstractContextManager[pytest.ExceptionInfo[ApiError]]":
    return pytest.raises(ApiError, check=lambda error: error.status == status)


async def test_a_terminal_from_its_creation_to_its_removal(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live:
        made = await serving(live).json("pty.create", {"command": "/bin/bash", "args": ["-c", "x"], "cwd": "src"})
        worker = live.spawner.of(made["id"])
        assert made == {
            "id": worker.spec.name,
            "title": f"Terminal {made['id'][-4:]}",
            "command": "/bin/bash",
            "args": ["-c", "x", "-l"],
            "cwd": "/p/src",
            "status": "running",
            "pid": worker.init_pid,
        }
        assert (worker.spec.kind, worker.spec.confinement.profile) == ("pty", "workspace")
        id = made["id"]
        assert await live.json("pty.get", ptyID=id) == made
        assert await live.json("pty.list") == [made]
        assert await live.json("pty.list", directory="/q") == []
        renamed = await live.json("pty.update", {"title": "mine", "size": {"rows": 3, "cols": 4}}, ptyID=id)
        assert renamed["title"] == "mine"
        assert await live.json("pty.remove", ptyID=id) is True
        assert worker.drained
        assert not (live.settings.scratch / id).exists()
        assert live.supervisor.find("pty", id) is None
        assert types(live) == ["pty.created", "pty.updated", "pty.deleted"]
        for op in ("pty.get", "pty.update", "pty.remove", "pty.connectToken"):
            with refusal(404):
                await live.ask(op, ptyID=id)


async def test_without_a_command_it_is_the_shell_of_the_configuration(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live:
        started: list[PtyStart] = []

        async def start(worker: LinkWorker, call: Call, body: bytes) -> Answer:
            started.append(msgspec.json.decode(body, type=PtyStart))
            return await nothing(worker, call, body)

        serving(live).spawner.operations["pty.start"] = start
        made = await live.json("pty.create", {"env": {"A": "b"}})
        assert made["command"] == "/bin/configured-zsh"
        assert (started[0].env, started[0].size.rows, started[0].size.cols) == ({"A": "b"}, 24, 80)
        await live.ask("pty.create", {"command": "/bin/cat", "size": {"rows": 5, "cols": 6}})
        assert (started[1].args, started[1].size.rows) == ([], 5)


async def test_what_is_refused_leaves_no_process(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live:
        serving(live).spawner.operations["pty.start"] = refuse
        with refusal(400):
            await live.ask("pty.create", {"command": "/no/such"})
        (worker,) = live.spawner.children
        await until(lambda: live.supervisor.find("pty", worker.spec.name) is None)
        assert await live.json("pty.list") == []
        assert types(live) == []
        with refusal(400):
            await live.ask("pty.create", {"command": "/bin/cat", "env": {"A=": "b"}})
        assert len(live.spawner.children) == 1


async def test_its_worker_says_how_it_ended_and_goes(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live:
        id = (await serving(live).json("pty.create", {"command": "/bin/cat"}))["id"]
        worker = live.spawner.of(id)
        await worker.say("pty.exited", {"id": id, "exitCode": 3})
        await until(lambda: live.supervisor.find("pty", id) is None)
        await live.journal.settled()
        assert worker.drained
        assert types(live) == ["pty.created", "pty.exited"]


@pytest.mark.parametrize("properties", [{"id": "pty_other", "exitCode": 3}, {"id": "SELF", "exitCode": 999}, {}])
async def test_a_worker_that_lies_is_ended(properties: dict[str, Any], tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live:
        id = (await serving(live).json("pty.create", {"command": "/bin/cat"}))["id"]
        said = {**properties, "id": id} if properties.get("id") == "SELF" else properties
        await live.spawner.of(id).say("pty.exited", said)
        await until(lambda: live.supervisor.find("pty", id) is None)
        await live.journal.settled()
        assert live.published[-1].type == "pty.exited"
        assert msgspec.json.decode(live.published[-1].body)["properties"] == {"id": id, "exitCode": 137}


async def test_terminals_count_among_the_live_sessions(tmp_path: Path) -> None:
    policy = Policy(limits=LimitPolicy(live_sessions=1))
    async with live_daemon(tmp_path, policy=policy) as live:
        await serving(live).ask("pty.create", {"command": "/bin/cat"})
        with refusal(429):
            await live.ask("pty.create", {"command": "/bin/cat"})


async def test_one_that_nobody_looks_at_for_long_is_put_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("oad.daemon.supervisor._SWEEP_S", 0.02)
    async with live_daemon(tmp_path, policy=Policy(jobs=JobPolicy(ttl_s=0.1)), idle_worker_s=0.0) as live:
        watched, forgotten = [(await serving(live).json("pty.create", {"command": "/bin/cat"}))["id"] for _ in range(2)]
        async with trio.open_nursery() as nursery:
            viewer = Viewer(live, ptyID=watched)
            nursery.start_soon(viewer.run)
            await until(lambda: live.supervisor.find("pty", forgotten) is None)
            assert live.supervisor.find("pty", watched) is not None
            live.spawner.of(watched).finish.set()
            await until(lambda: "pty.exited" in types(live))


class Viewer:
    """A call to connect, as the router makes it."""

    def __init__(self, live: Live, **params: str) -> None:
        self.frames: list[tuple[Frame, bytes]] = []
        self.outcome: Answer | ApiError | None = None
        self._live = live
        self._call = Call(7, "pty.attach", {"cursor": "5", **params}, origin=WHO)

    async def run(self) -> None:
        relay = Relay(7, self._take, lambda: None)
        try:
            self.outcome = await self._live.dispatcher.for_stream(self._call, relay)
        except ApiError as error:
            self.outcome = error

    def _take(self, frame: Frame, body: bytes) -> bool:
        self.frames.append((frame, body))
        return True


async def test_a_viewer_is_connected_until_the_end(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live, trio.open_nursery() as nursery:
        id = (await serving(live).json("pty.create", {"command": "/bin/cat"}))["id"]
        worker, viewer = live.spawner.of(id), Viewer(live, ptyID=id)
        nursery.start_soon(viewer.run)
        await until(lambda: bool(viewer.frames))
        assert viewer.frames == [(Data(7), b"from 5")]
        await worker.say("pty.exited", {"id": id, "exitCode": 0})
        await until(lambda: "pty.exited" in types(live))
        assert live.supervisor.find("pty", id) is not None, "somebody has not seen the last of it"
        worker.finish.set()
        await until(lambda: live.supervisor.find("pty", id) is None)
        assert isinstance(viewer.outcome, Answer)


async def test_who_connects_with_a_ticket_needs_a_good_one(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live:
        id = (await serving(live).json("pty.create", {"command": "/bin/cat"}))["id"]
        token = await live.json("pty.connectToken", ptyID=id)
        assert token["expires_in"] == 60
        live.spawner.of(id).finish.set()
        expected: list[tuple[str, Callable[[Answer | ApiError | None], bool]]] = [
            (token["ticket"], lambda outcome: isinstance(outcome, Answer)),
            (token["ticket"], lambda outcome: isinstance(outcome, ApiError) and outcome.status == 403),
            ("", lambda outcome: isinstance(outcome, ApiError) and outcome.status == 403),
        ]
        for text, is_expected in expected:
            viewer = Viewer(live, ptyID=id, ticket=text)
            await viewer.run()
            assert is_expected(viewer.outcome), text


async def test_a_worker_gets_no_keys(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live:
        live.credentials.set("a", {"type": "api", "key": "k"})
        id = (await serving(live).json("pty.create", {"command": "/bin/cat"}))["id"]
        worker = live.spawner.of(id)
        _, body = await worker.peer.call("daemon.credentials", {})
        assert set(msgspec.json.decode(body)) == {"secrets"}
        reply, _ = await worker.peer.call("session.create", {"directory": "/p"})
        assert reply.status == 403


def test_shells() -> None:
    assert "/bin/sh" in find_shells()
    assert find_own_shell("/no/such") in ("/bin/bash", "/bin/sh")
    assert find_own_shell("/bin/sh") == "/bin/sh"
