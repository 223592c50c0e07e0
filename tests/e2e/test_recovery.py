"""Whatever dies in the middle of a turn: the turn is closed, what was finished is kept, and the next prompt works."""

from collections.abc import Awaitable, Callable

import psutil
import pytest

from .server import Json, Server, any_alive, is_alive, kill, open_messages, open_parts, title, until

Hurt = Callable[[Server], Awaitable[None]]


async def _kill_daemon(server: Server) -> None:
    kill(server.one("oad-daemon"))


async def _kill_worker(server: Server) -> None:
    kill(server.one("oad-session", "worker", "ses_"))


async def _kill_init(server: Server) -> None:
    # A holder that was forked ahead of the next call has this title too, for a moment.
    await until(lambda: len(server.named("oad-session", "init", "ses_")) == 1, "only the init is called so")
    kill(server.one("oad-session", "init", "ses_"))


async def _kill_everything(server: Server) -> None:
    await server.kill_everything()
    await server.start()


async def _begin(server: Server) -> tuple[str, list[psutil.Process]]:
    """A session with one finished turn and one in the middle of a command; the processes of that turn."""
    session = await server.create()
    await server.prompt(session, "run echo finished")
    await server.prompt_async(session, "run sleep 30")
    await until(lambda: bool(_commands(server)), "the command runs")
    return session, [*_commands(server), *server.named("oad-session", session)]


def _commands(server: Server) -> list[psutil.Process]:
    return [p for p in server.processes() if is_alive(p) and title(p) == "sleep 30"]


async def _is_closed(server: Server, session: str) -> bool:
    return session not in await server.statuses() and not open_messages(await server.messages(session))


def _tool_outputs(messages: list[Json]) -> list[str]:
    parts = [part for message in messages for part in message["parts"] if part["type"] == "tool"]
    return [part["state"]["output"] for part in parts if part["state"]["status"] == "completed"]


@pytest.mark.parametrize("hurt", [_kill_daemon, _kill_worker, _kill_init, _kill_everything])
async def test_a_turn_that_was_cut_is_closed(server: Server, hurt: Hurt) -> None:
    session, old = await _begin(server)
    await hurt(server)
    await until(lambda: not any_alive(old), "no process of the old turn lives")
    await until(server._healthy, "the server answers again")
    await until(lambda: _is_closed(server, session), "the turn is closed")
    messages = await server.messages(session)
    assert open_parts(messages) == []
    assert "finished" in "".join(_tool_outputs(messages))
    last = messages[-1]["info"]
    assert last["error"]["name"] in ("MessageAbortedError", "UnknownError")
    answer = await server.prompt(session, "run echo again")
    assert "error" not in answer["info"]
    assert any("again" in output for output in _tool_outputs(await server.messages(session)))


@pytest.mark.parametrize("name", ["oad-zygote", "oad-gateway"])
async def test_a_turn_goes_on_when_it_is_not_concerned(server: Server, name: str) -> None:
    session, turn = await _begin(server)
    kill(server.one(name))
    await until(server._healthy, "the server answers again")
    assert all(is_alive(process) for process in turn)
    assert session in await server.statuses()
    assert await server.ask("POST", f"/session/{session}/abort") is True
    assert not any_alive(p for p in turn if title(p) == "sleep 30")
    other = await server.create()
    await server.prompt(other, "run echo fresh")


async def test_stopping_closes_the_turn_and_leaves_no_process(server: Server) -> None:
    session, old = await _begin(server)
    assert await server.stop() == 0
    assert not any_alive(old)
    await server.start()
    messages = await server.messages(session)
    assert await server.statuses() == {}
    assert open_parts(messages) == open_messages(messages) == []
    assert messages[-1]["info"]["error"]["name"] == "MessageAbortedError"


async def test_the_waiting_prompt_is_answered_when_its_worker_dies(server: Server) -> None:
    session = await server.create()
    async with server.events() as events:
        await server.prompt_async(session, "run sleep 30")
        await until(lambda: bool(_commands(server)), "the command runs")
        await _kill_worker(server)
        failed = await events.until(lambda event: event["type"] == "session.error")
        await events.until(lambda event: event["type"] == "session.idle")
    assert failed["properties"]["sessionID"] == session


async def test_streams_stay_open_while_the_daemon_restarts_and_then_tell_what_became_of_turns(server: Server) -> None:
    async with server.events() as events, server.events("/global/event") as everywhere:
        session, old = await _begin(server)
        await events.until(lambda event: event["type"] == "session.status")
        before = len(events.seen)
        await _kill_daemon(server)
        await events.until(lambda event: event["type"] == "session.error")
        await until(lambda: events.types()[-1] == "session.idle", "the turn is told to be over")
        await everywhere.until(lambda event: event["type"] == "session.error")
        assert not events.ended.is_set() and not everywhere.ended.is_set()
        since = [event for event in events.seen[before:] if event["type"] != "server.heartbeat"]
        (closed,) = [e["properties"]["info"] for e in since if e["type"] == "message.updated" and "error" in str(e)]
        assert closed["error"]["name"] == "MessageAbortedError" and "completed" in closed["time"]
        parts = [e["properties"]["part"] for e in since if e["type"] == "message.part.updated"]
        assert [part["state"]["status"] for part in parts if part["type"] == "tool"][-1] == "error"
        assert [event["type"] for event in since][-2:] == ["session.status", "session.idle"]
        assert since[-2]["properties"] == {"sessionID": session, "status": {"type": "idle"}}
        assert await server.statuses() == {}
        await server.prompt(session, "run echo again")
        await events.until(lambda event: "again" in str(event["properties"].get("part", {}).get("state", "")))
        assert not any_alive(old)
