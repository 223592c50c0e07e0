"""Sessions that take too much, with real processes: each is stopped at its limit, for a reason that is named, while a
neighbour goes on working."""

import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
import trio

from . import mcp_entrance
from .model import Model
from .server import Json, Server, is_alive, until

# Bounded, each by itself, for a host on which the limit should not hold.
ALLOCATOR = """python3 -c '
import time
kept = []
for _ in range(600):
    kept.append(b"x" * 2_000_000)
    time.sleep(0.004)
time.sleep(30)'"""
# Several, lest on a busy machine one gets less than it may have.
SPINNER = "for n in 1 2 3 4 5 6; do timeout 20 sh -c 'while :; do :; done' & done; wait"
FORK_BOMB = "python3 -c 'import os, time; [os.fork() for _ in range(8)]; time.sleep(30)'"
TALKER = "yes 0123456789abcdef | head -c 500000000; sleep 30"
SLEEPER = "sleep 30"
LARGE_FILE = "head -c 5000000 /dev/zero > large"
WRITER = "for n in $(seq 60); do head -c 1000000 /dev/urandom >> written; sync written; sleep 0.05; done; sleep 30"

COMMANDS: dict[str, tuple[Json, str, str]] = {
    "allocator": ({"memoryMb": 200}, ALLOCATOR, "memoryMb"),
    "spinner": ({"cpu": 0.1}, SPINNER, "cpu"),
    "fork bomb": ({"processes": 40}, FORK_BOMB, "processes"),
    "talker": ({"commandOutputMb": 2}, TALKER, "commandOutputMb"),
    "talker in session": ({"sessionOutputMb": 3}, TALKER, "sessionOutputMb"),
    "sleeper": ({"commandS": 0.5}, SLEEPER, "commandS"),
    "large file": ({"fileSizeMb": 1}, LARGE_FILE, "fileSizeMb"),
    "writer": ({"writtenMb": 5}, WRITER, "writtenMb"),
}


def bash(command: str) -> Json:
    return {"tools": [{"name": "bash", "args": {"command": command}}]}


def scripted(model: Model, steps: list[Json]) -> str:
    name = f"limits{time.monotonic_ns()}"
    model.register(**{name: steps})
    return f"script:{name}"


async def reached(server: Server, session: str) -> dict[str, int]:
    found: dict[str, int] = (await server.ask("GET", f"/session/{session}/limits"))["reached"]
    return found


class Neighbour:
    """A session that goes on working; ``slowest`` is the longest of its turns, in seconds."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.turns = 0
        self.slowest = 0.0

    async def work(self, task_status: "trio.TaskStatus[None]" = trio.TASK_STATUS_IGNORED) -> None:
        session = await self._server.create(title="neighbour")
        await self._server.prompt(session, "warm up")
        task_status.started()
        while True:
            began = time.monotonic()
            answer = await self._server.prompt(session, "still there?")
            self.slowest = max(self.slowest, time.monotonic() - began)
            self.turns += 1
            assert "still there?" in str(answer["parts"])
            await trio.sleep(0.02)


def commands_below(server: Server) -> list[psutil.Process]:
    """What sessions have started and still runs, holders included."""
    found: list[psutil.Process] = []
    for holder in server.named("oad-session", "call"):
        found += [holder, *holder.children(recursive=True)]
    return [process for process in found if is_alive(process)]


@pytest.mark.parametrize("name", COMMANDS)
async def test_a_command_that_takes_too_much_is_stopped_alone(shared: Server, model: Model, name: str) -> None:
    limits, command, limit = COMMANDS[name]
    session = await shared.create(title=name, limits=limits)
    assert (await shared.ask("GET", f"/session/{session}/limits"))["limits"][limit] == limits[limit]
    neighbour = Neighbour(shared)
    async with shared.events("/event", directory=str(shared.project)) as events, trio.open_nursery() as nursery:
        await nursery.start(neighbour.work)
        began = time.monotonic()
        prompt = scripted(model, [bash(command), {"text": "I see."}])
        answer = await shared.prompt(session, prompt)
        took = time.monotonic() - began
        told = await events.until(lambda event: event["type"] == "session.limit")
        nursery.cancel_scope.cancel()
    assert "I see." in str(answer["parts"])  # the turn went on, the model was told
    assert took < 30
    hit = told["properties"]
    assert (hit["sessionID"], hit["limit"], hit["action"]) == (session, limit, "command")
    assert hit["value"] == limits[limit] <= hit["peak"]
    (call,) = [
        part for message in await shared.messages(session) for part in message["parts"] if part["type"] == "tool"
    ]
    assert f"limit of {limits[limit]:g}" in call["state"]["output"]
    assert "peak" in call["state"]["output"]
    assert (await reached(shared, session))[limit] >= 1
    await until(lambda: not commands_below(shared), "nothing of the command is left")
    assert neighbour.turns > 0
    assert neighbour.slowest < 2.0


async def test_the_shell_route_is_bound_too(shared: Server) -> None:
    session = await shared.create(limits={"processes": 30})
    answer = await shared.ask("POST", f"/session/{session}/shell", {"agent": "build", "command": FORK_BOMB})
    assert "process limit of 30" in answer["parts"][0]["state"]["output"]
    assert await reached(shared, session) == {"processes": 1}


async def test_open_files_are_the_kernels_to_refuse(shared: Server) -> None:
    """No event: the kernel tells only the program, which may well go on."""
    opening = "python3 -c 'kept = [open(\"/dev/null\") for _ in range(200)]; print(len(kept))'"
    for limits, expected in (({}, "200"), ({"openFiles": 100}, "Too many open files")):
        session = await shared.create(limits=limits)
        answer = await shared.ask("POST", f"/session/{session}/shell", {"agent": "build", "command": opening})
        assert expected in answer["parts"][0]["state"]["output"]


STEPS = [{**bash(f"echo {n}"), "text": "on"} for n in range(40)]
ONE_CALL = [bash("true")] * 40
TWO_CALLS = [bash("echo a"), bash("echo b")] * 20

TURNS: dict[str, tuple[Json, list[Json], str, str]] = {
    "steps": ({"steps": 3}, STEPS, "LimitError", "steps"),
    "tool calls": ({"toolCalls": 4}, STEPS, "LimitError", "toolCalls"),
    "tokens": ({"tokens": 400}, STEPS, "LimitError", "tokens"),
    "cost": ({"cost": 0.0005}, STEPS, "LimitError", "cost"),
    "turn time": ({"turnS": 0.7}, [bash("sleep 20")], "LimitError", "turnS"),
    "session time": ({"sessionS": 0.7}, [{"text": "slow", "hang": True}], "LimitError", "sessionS"),
    "the same call": ({"repeatedCalls": 5}, ONE_CALL, "RunawayError", "repeatedCalls"),
    "two calls in turn": ({"alternatingCalls": 4}, TWO_CALLS, "RunawayError", "alternatingCalls"),
    "endless text": (
        {"stepCharacters": 5000},
        [{"text": "on and on " * 20_000, "chunks": 20_000, "delay": 0.0005}],
        "RunawayError",
        "stepCharacters",
    ),
    "asks": ({"asks": 3}, [bash(f"rm nothing{n}") for n in range(20)], "RunawayError", "asks"),
}


@pytest.mark.parametrize("name", TURNS)
async def test_a_turn_that_does_too_much_is_stopped(shared: Server, model: Model, name: str) -> None:
    limits, steps, error, limit = TURNS[name]
    session = await shared.create(title=name, limits=limits)
    began = time.monotonic()
    async with shared.events("/event", directory=str(shared.project)) as events, trio.open_nursery() as nursery:
        nursery.start_soon(allow_all, shared)
        answer = await shared.prompt(session, scripted(model, steps))
        nursery.cancel_scope.cancel()
        told = await events.until(lambda event: event["type"] == "session.limit")
        failed = await events.until(lambda event: event["type"] == "session.error")
    assert time.monotonic() - began < 10
    assert answer["info"]["error"]["name"] == error
    assert failed["properties"]["error"] == answer["info"]["error"]
    assert (told["properties"]["limit"], told["properties"]["action"]) == (limit, "turn")
    assert told["properties"]["value"] == limits[limit]
    data = answer["info"]["error"]["data"]
    assert "limit of" in data["message"]
    if error == "RunawayError":
        assert data["guard"] == limit
        assert data["count"] >= limits[limit]
    else:
        assert (data["limit"], data["value"]) == (limit, limits[limit])
    assert await shared.statuses() == {}


async def allow_all(server: Server) -> None:
    while True:
        for asked in await server.ask("GET", "/permission"):
            await server.ask("POST", f"/permission/{asked['id']}/reply", {"reply": "once"})
        await trio.sleep(0.02)


async def test_calls_are_remembered_over_turns(shared: Server, model: Model) -> None:
    session = await shared.create(limits={"repeatedCalls": 5})
    for turn in range(4):
        answer = await shared.prompt(session, scripted(model, [bash("true"), {"text": f"turn {turn}"}]))
        assert "error" not in answer["info"]
    answer = await shared.prompt(session, scripted(model, [bash("true"), {"text": "never said"}]))
    assert answer["info"]["error"]["data"]["count"] == 5


async def test_what_is_used_up_is_refused(shared: Server, model: Model) -> None:
    session = await shared.create(limits={"tokens": 100})
    await shared.prompt(session, "hello")
    body = {"parts": [{"type": "text", "text": "more"}]}
    refusal = await shared.ask("POST", f"/session/{session}/message", body, status=429)
    assert refusal["name"] == "LimitError"
    assert refusal["data"]["limit"] == "tokens"
    await shared.ask("PATCH", f"/session/{session}", {"limits": {"tokens": 100_000}})
    assert "more" in str((await shared.prompt(session, "more"))["parts"])


async def test_a_queue_has_an_end(shared: Server, model: Model) -> None:
    session = await shared.create(limits={"queuedPrompts": 2})
    await shared.prompt_async(session, scripted(model, [{"text": "slow", "hang": True}]))
    await until(lambda: shared_busy(shared, session), "it is busy")
    body = {"parts": [{"type": "text", "text": "next"}]}
    for _ in range(2):
        await shared.ask("POST", f"/session/{session}/prompt_async", body, status=204)
    async with shared.client() as client:
        response = await client.post(f"/session/{session}/prompt_async", json=body)
    assert response.status_code == 429
    assert response.headers["retry-after"] == "1"
    assert response.json()["data"] == response.json()["data"] | {"limit": "queuedPrompts", "value": 2}
    await shared.ask("POST", f"/session/{session}/abort")
    assert await no_longer_busy(shared, session)


async def shared_busy(server: Server, session: str) -> bool:
    found = await server.messages(session)
    return bool(found) and found[-1]["info"]["role"] == "assistant"


async def no_longer_busy(server: Server, session: str) -> bool:
    return session not in await server.statuses()


async def test_limits_of_the_service(make_server: Callable[..., Server], place: Path) -> None:
    settings = place / "oad.toml"
    settings.write_text("[limits]\nsessions = 3\nlive_sessions = 1\nmemory_mb = 500\n[admission]\nqueue = 0\n")
    server = make_server()
    await server.start("--config", str(settings))
    first, second = await server.create(), await server.create(limits={"memoryMb": 9000})
    assert (await server.ask("GET", f"/session/{second}/limits"))["limits"]["memoryMb"] == 500
    third = await server.create()
    refusal = await server.ask("POST", "/session", {}, status=429)
    assert refusal["data"] == refusal["data"] | {"limit": "sessions", "value": 3, "peak": 3}
    await server.ask("DELETE", f"/session/{third}")
    await server.create()
    await server.prompt_async(first, "run sleep 20")
    await until(lambda: bool(commands_below(server)), "the first session works")
    body = {"parts": [{"type": "text", "text": "hello"}]}
    refusal = await server.ask("POST", f"/session/{second}/message", body, status=429)
    assert refusal["data"]["limit"] == "liveSessions"
    await server.ask("POST", f"/session/{first}/abort")
    await server.prompt(second, "hello")  # the idle one makes room


async def test_a_session_that_does_not_obey_is_ended(shared: Server, model: Model) -> None:
    session = await shared.create(limits={"turnS": 3.0})
    async with trio.open_nursery() as nursery:
        answers: list[Json] = []

        async def prompt() -> None:
            answers.append(await shared.prompt(session, scripted(model, [bash(SLEEPER)])))

        nursery.start_soon(prompt)
        await until(lambda: bool(commands_below(shared)), "the command runs")
        worker = shared.one("oad-session", session, "worker")
        worker.suspend()
    assert answers[0]["info"]["error"]["name"] == "LimitError"
    assert not is_alive(worker)
    assert commands_below(shared) == []
    assert "here" in str((await shared.prompt(session, "still here?"))["parts"])


GREEDY = """
import time
kept = []
for _ in range(600):
    kept.append(b"x" * 2_000_000)
    time.sleep(0.004)
time.sleep(60)
"""


async def test_a_server_of_a_directory_that_takes_too_much_is_stopped_alone(
    make_server: Callable[..., Server], place: Path
) -> None:
    settings = place / "oad.toml"
    settings.write_text("[limits]\nmemory_mb = 250\n")
    server = make_server()
    await server.start("--config", str(settings))
    assert await mcp_entrance.add_server(server) == {"status": "connected"}
    greedy: Json = {"type": "local", "command": ["python3", "-c", GREEDY], "timeout": 30_000}
    answer = await server.ask("POST", "/mcp", {"name": "greedy", "config": greedy})
    assert answer["greedy"]["status"] == "failed"
    assert "the memory limit of 250 MB was reached (peak " in answer["greedy"]["error"]
    assert (await server.ask("GET", "/mcp"))["zoo"] == {"status": "connected"}

    async def counted() -> bool:
        async with server.client() as client:
            return 'limit="memoryMb"' in (await client.get("/metrics")).text

    await until(counted, "it is counted")
