"""Asks without anybody who could answer: no prompt hangs on one."""

import json
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import trio

from .model import Model
from .server import Json, Server, until

UNHEARD_S = 0.8
STEPS = [{"tools": [{"name": "bash", "args": {"command": "echo done"}}]}, {"text": "over"}]
QUESTION = {"question": "Which?", "header": "H", "options": [{"label": "A", "description": "a"}]}


@pytest.fixture
async def strict(make_server: Callable[..., Server], place: Path, model: Model) -> AsyncIterator[Server]:
    """Everything asks; the operator waits shortly without a listener."""
    model.register(unattended=STEPS, asking=[{"tools": [{"name": "question", "args": {"questions": [QUESTION]}}]}, {}])
    server = make_server()
    config = model.configuration(permission={"*": "ask"}, agent={"build": {"permission": {"question": "allow"}}})
    (server.project / "opencode.json").write_text(json.dumps(config))
    toml = place / "oad.toml"
    toml.write_text(f'[asks]\non_ask = "allow"\nunheard_s = {UNHEARD_S}\n')
    await server.start("--config", str(toml))
    yield server


async def calls(server: Server, session: str) -> list[Json]:
    parts = [part for message in await server.messages(session) for part in message["parts"]]
    return [part["state"] for part in parts if part["type"] == "tool"]


async def refused(server: Server, policy: Json, script: str = "script:unattended") -> tuple[Json, float]:
    """The only call's state of a prompt under a policy, and how long the prompt took."""
    session = await server.create(title="unattended", onAsk=policy)
    began = time.monotonic()
    await server.prompt(session, script)
    took = time.monotonic() - began
    (state,) = await calls(server, session)
    return state, took


async def test_without_a_listener_an_ask_is_denied_in_time(strict: Server) -> None:
    took: list[float] = []

    async def one() -> None:
        state, seconds = await refused(strict, {"policy": "wait"})
        assert '{"reason":"unheard"}' in state["error"]
        assert state["metadata"]["reason"] == "unheard"
        took.append(seconds)

    async with trio.open_nursery() as nursery:
        for _ in range(8):
            nursery.start_soon(one)
    assert max(took) < UNHEARD_S + 15  # the births of eight workers side by side are in it
    assert min(took) >= UNHEARD_S
    assert await strict.ask("GET", "/permission") == []  # not before: a look counts as a listener


async def test_policies_that_do_not_wait(strict: Server) -> None:
    state, _ = await refused(strict, {"policy": "deny"})
    assert '{"reason":"policy"}' in state["error"]
    state, _ = await refused(strict, {"policy": "allow"})
    assert (state["status"], state["output"].strip()) == ("completed", "done")


async def test_a_listener_is_waited_for_as_long_as_the_session_says(strict: Server) -> None:
    async with strict.events() as events:
        state, took = await refused(strict, {"policy": "wait", "wait_s": 2.0})
        replied = await events.until(lambda event: event["type"] == "permission.replied")
    assert '{"reason":"timeout"}' in state["error"]
    assert took >= 2.0
    assert (replied["properties"]["reply"], replied["properties"]["reason"]) == ("reject", "timeout")


async def test_a_client_that_comes_within_the_time_can_answer(strict: Server) -> None:
    session = await strict.create(title="late", onAsk={"policy": "wait"})
    await strict.prompt_async(session, "script:unattended")
    pending: list[Json] = []

    async def asked() -> bool:
        pending[:] = await strict.ask("GET", "/permission")
        return bool(pending)

    await until(asked, "it asks")
    async with strict.events("/global/event"):
        with trio.move_on_after(2 * UNHEARD_S):  # the time itself is what is tested
            await trio.sleep_forever()
        assert len(await strict.ask("GET", "/permission")) == 1
        await strict.ask("POST", f"/permission/{pending[0]['id']}/reply", {"reply": "once"})
        await until(lambda: _idle(strict), "the turn is over")
    assert (await calls(strict, session))[0]["status"] == "completed"


async def _idle(server: Server) -> bool:
    return await server.statuses() == {}


async def test_a_question_that_nobody_hears(strict: Server) -> None:
    for policy, reason in (("wait", "unheard"), ("deny", "policy"), ("allow", "unheard")):
        state, _ = await refused(strict, {"policy": policy}, "script:asking")
        assert f'{{"reason":"{reason}"}}' in state["error"]


async def test_an_abort_settles_it(strict: Server) -> None:
    session = await strict.create(title="aborted", onAsk={"policy": "wait"})
    async with strict.events() as events:
        await strict.prompt_async(session, "script:unattended")
        await events.until(lambda event: event["type"] == "permission.asked")
        await strict.ask("POST", f"/session/{session}/abort")
        assert await strict.ask("GET", "/permission") == []
        await events.until(lambda event: event["type"] == "permission.replied")


async def test_a_session_may_not_be_laxer_than_its_operator(make_server: Callable[..., Server], place: Path) -> None:
    toml = place / "oad.toml"
    toml.write_text("[asks]\nwait_s = 30\n")
    server = make_server()
    await server.start("--config", str(toml))
    for wish in ({"policy": "allow"}, {"wait_s": 31}, {"wait_s": 0}, {"policy": "never"}):
        await server.ask("POST", "/session", {"onAsk": wish}, status=400)
    session = await server.create(onAsk={"policy": "deny"})
    assert (await server.ask("GET", f"/session/{session}"))["onAsk"] == {"policy": "deny"}
    await server.ask("PATCH", f"/session/{session}", {"onAsk": {"policy": "allow"}}, status=400)
    changed = await server.ask("PATCH", f"/session/{session}", {"onAsk": {"wait_s": 5}})
    assert changed["onAsk"] == {"wait_s": 5}
