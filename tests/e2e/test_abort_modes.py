"""Stops by mode, at any moment, over any depth: each with a receipt that says what happened."""

import json
import time
from collections.abc import Callable, Iterator

import httpx2
import msgspec
import pytest
import trio

from .marks import alive
from .model import Model
from .server import Json, Server, until

RECEIPT = "application/vnd.oad.receipt+json"


async def stop(server: Server, session: str, query: str = "") -> Json:
    """The receipt of an abort."""
    async with server.client() as client:
        response = await client.post(f"/session/{session}/abort{query}", headers={"accept": RECEIPT})
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == RECEIPT
    return msgspec.json.decode(response.content)


async def run_until_alive(server: Server, session: str, command: str, mark: str) -> None:
    await server.prompt_async(session, f"run {command.format(mark=mark)}")
    await until(lambda: bool(alive(mark)), f"the command of mark {mark} runs")


DEAF = "trap '' TERM; sleep {mark}; sleep {mark}"
CLEANS_UP = "trap 'sleep 0.6; echo cleaned; exit 0' TERM; sleep {mark} & wait; wait"


async def test_soft_leaves_time_to_clean_up(server: Server) -> None:
    session, mark = await server.create(title="soft"), "84100001"
    await run_until_alive(server, session, CLEANS_UP, mark)
    began = time.monotonic()
    receipt = await stop(server, session, "?mode=soft")
    assert time.monotonic() - began > 0.5
    assert (receipt["mode"], receipt["rung"], receipt["survivors"]) == ("soft", "asked", 0)
    assert receipt["signals"] == [{"signal": "worker.abort", "target": "worker", "atMs": 0.0}]
    assert "cleaned" in str(await server.messages(session))
    assert alive(mark) == []


async def test_soft_ends_what_is_deaf_after_its_grace(server: Server) -> None:
    session, mark = await server.create(title="deaf"), "84100002"
    await run_until_alive(server, session, DEAF, mark)
    receipt = await stop(server, session, "?mode=soft&grace=0.7")
    assert (receipt["rung"], receipt["survivors"], receipt["workerLost"]) == ("broker", 0, False)
    assert receipt["tookMs"] >= 700
    assert alive(mark) == []


async def test_term_is_the_usual_ladder(server: Server) -> None:
    session, mark = await server.create(title="term"), "84100003"
    for query in ("", "?mode=term", "?mode=term&grace=0"):
        await run_until_alive(server, session, DEAF, mark)
        receipt = await stop(server, session, query)
        assert (receipt["mode"], receipt["survivors"], receipt["workerLost"]) == ("term", 0, False)
        assert receipt["signals"][0]["signal"] == "SIGUSR1"
        assert receipt["tookMs"] < 1250
        assert alive(mark) == []


async def test_kill_is_at_once(server: Server) -> None:
    session, mark = await server.create(title="kill"), "84100004"
    await run_until_alive(server, session, DEAF, mark)
    receipt = await stop(server, session, "?mode=kill")
    assert (receipt["rung"], receipt["survivors"], receipt["workerLost"]) == ("killed", 0, True)
    assert [sent["signal"] for sent in receipt["signals"]] == ["SIGKILL"]
    assert alive(mark) == []
    assert await server.statuses() == {}
    assert "again" in str((await server.prompt(session, "run echo again"))["parts"])


@pytest.mark.parametrize("harder", ["", "?mode=kill"])
async def test_a_harder_stop_hurries_a_softer_one(server: Server, harder: str) -> None:
    session, mark = await server.create(title="hurry"), "84100005"
    await run_until_alive(server, session, DEAF, mark)
    receipts: list[Json] = []

    async def soft() -> None:
        receipts.append(await stop(server, session, "?mode=soft&grace=30"))

    began = time.monotonic()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(soft)
        with trio.move_on_after(0.3):  # so that the soft one is under way; either order must end well
            await trio.sleep_forever()
        await stop(server, session, harder)
    assert time.monotonic() - began < 5
    assert receipts[0]["survivors"] == 0
    assert alive(mark) == []


async def test_what_is_refused(server: Server) -> None:
    session = await server.create(title="refused")
    for query in ("mode=hard", "grace=x", "grace=-1", "grace=61", "grace=nan", "mode=kill&keep=true", "keep=yes"):
        await server.ask("POST", f"/session/{session}/abort?{query}", status=400)
    assert await server.ask("POST", f"/session/{session}/abort") is True
    assert (await stop(server, session))["rung"] == "none"


# --- fences -----------------------------------------------------------------------------------------------------------


async def test_no_tool_starts_after_an_abort_whenever_its_call_comes(shared: Server, model: Model) -> None:
    """The model makes its call between well before and well after the abort."""
    delays = [0.02 * number for number in range(36)] + [1.0, 1.5, 2.0, 3.0]
    for number, delay in enumerate(delays):
        arguments = {"command": f"touch late{number}; sleep 8420{number:04d}"}
        step = {"first": delay, "tools": [{"name": "bash", "args": arguments}]}
        model.register(**{f"late{number}": [step]})
    sessions: list[tuple[str, set[str]]] = []

    async def one(number: int) -> None:
        session = await shared.create(title=f"late {number}")
        await shared.prompt_async(session, f"script:late{number}")
        with trio.move_on_after(0.3):  # the offsets of the calls are spread around this moment
            await trio.sleep_forever()
        await shared.ask("POST", f"/session/{session}/abort")
        sessions.append((f"late{number}", {file.name for file in shared.project.iterdir()}))
        assert alive(f"8420{number:04d}") == []

    for start in range(0, len(delays), 8):
        async with trio.open_nursery() as nursery:
            for number in range(start, min(start + 8, len(delays))):
                nursery.start_soon(one, number)
    with trio.move_on_after(2.0):  # what had been let through would show itself
        await trio.sleep_forever()
    after = {file.name for file in shared.project.iterdir()}
    assert "late0" in after  # one that came in time did run
    assert [name for name, before in sessions if name in after - before] == []
    assert await shared.statuses() == {}


async def test_queued_prompts_go_with_the_turn(shared: Server, model: Model) -> None:
    model.register(queued=[{"tools": [{"name": "bash", "args": {"command": "touch queued-ran"}}]}, {}])
    session, mark = await shared.create(title="queue"), "84300001"
    answers: list[Json] = []

    async def prompt(client: httpx2.AsyncClient, text: str) -> None:
        body = {"parts": [{"type": "text", "text": text}]}
        answers.append((await client.post(f"/session/{session}/message", json=body)).json())

    model.register(first=[{"tools": [{"name": "bash", "args": {"command": f"sleep {mark}"}}]}, {}])
    async with shared.client() as client, trio.open_nursery() as nursery:
        nursery.start_soon(prompt, client, "script:first")
        await until(lambda: bool(alive(mark)), "the first one runs")
        for _ in range(3):
            nursery.start_soon(prompt, client, "script:queued")

        async def queued() -> bool:
            return sum(m["info"]["role"] == "user" for m in await shared.messages(session)) == 4

        await until(queued, "the others are queued")
        await shared.ask("POST", f"/session/{session}/abort")
    assert len(answers) == 4
    assert await shared.statuses() == {}
    assert not await trio.Path(shared.project / "queued-ran").exists()


# --- depth ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def tree(model: Model) -> Iterator[list[str]]:
    """Scripts for three levels with three subagents each, the last of which run a command; its marks."""
    marks = [f"8440{number:04d}" for number in range(9)]

    def give(prompts: list[str]) -> list[Json]:
        args = [{"description": "x", "prompt": prompt, "subagent_type": "deep"} for prompt in prompts]
        return [{"tools": [{"name": "task", "args": each} for each in args]}, {"text": "over"}]

    for number, mark in enumerate(marks):
        call = {"name": "bash", "args": {"command": f"sleep {mark}"}}
        model.register(**{f"leaf{number}": [{"tools": [call]}]})
    for number in range(3):
        model.register(**{f"branch{number}": give([f"script:leaf{3 * number + each}" for each in range(3)])})
    model.register(root=give([f"script:branch{number}" for number in range(3)]))
    yield marks


@pytest.fixture
async def deep(make_server: Callable[..., Server], model: Model) -> Server:
    """Its subagents may have subagents."""
    server = make_server()
    agent = {"mode": "subagent", "description": "Works", "permission": {"task": "allow"}}
    settings = model.configuration(agent={"deep": agent}, subagent_depth=2)
    (server.project / "opencode.json").write_text(json.dumps(settings))
    await server.start()
    return server


@pytest.mark.parametrize("mode", ["", "?mode=soft", "?mode=kill"])
async def test_one_abort_reaches_every_depth(deep: Server, tree: list[str], mode: str) -> None:
    session = await deep.create(title="deep")
    await deep.prompt_async(session, "script:root")
    await until(lambda: all(alive(mark) for mark in tree), "all nine leaves run", timeout_s=60)
    assert len(await deep.statuses()) == 13
    began = time.monotonic()
    receipt = await stop(deep, session, mode)
    took = time.monotonic() - began
    assert receipt["survivors"] == 0
    assert [mark for mark in tree if alive(mark)] == []
    assert await deep.statuses() == {}
    assert took < 3, took
