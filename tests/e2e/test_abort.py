"""Aborts of real commands in real sessions: whatever a command does to get away, nothing of it is left."""

import signal
import time

import httpx2
import pytest
import trio

from .marks import alive
from .server import Json, Server, until

# Ways in which a command tries to outlive its end.
ESCAPES = {
    "plain": "sleep {mark}",
    "nohup": "nohup sleep {mark} & sleep {mark}",
    "setsid": "setsid sleep {mark} & sleep {mark}",
    "double fork without environment": "(setsid env -i sh -c '(exec setsid sleep {mark}) & exit' &); sleep {mark}",
    "deaf": "trap '' TERM INT HUP; setsid sh -c \"trap '' TERM INT HUP; sleep {mark}\" & sleep {mark}; sleep {mark}",
    "self-stopped": "setsid sh -c 'sleep {mark} & kill -STOP $$' & sleep {mark}",
    "chain": "setsid bash -c 'f() {{ sleep {mark} & [ $1 -gt 0 ] && setsid bash -c"
    ' "$(declare -f f); f $(($1-1))"; }}; f 20\' & sleep {mark}',
    "holds the pipe": "sleep {mark} & disown; sleep {mark}",
}


async def run_until_alive(server: Server, session: str, command: str, mark: str) -> None:
    await server.prompt_async(session, f"run {command.format(mark=mark)}")
    await until(lambda: bool(alive(mark)), f"the command of mark {mark} runs")


async def receipt(server: Server, session: str) -> Json:
    return await server.ask("GET", f"/session/{session}/abort")


@pytest.mark.parametrize("name", ESCAPES)
async def test_nothing_of_a_hostile_command_survives(server: Server, name: str) -> None:
    session = await server.create(title="hostile")
    for number in range(3):
        mark = f"86{number}{len(name):02d}{sum(name.encode()) % 1000:03d}"
        await run_until_alive(server, session, ESCAPES[name], mark)
        assert await server.ask("POST", f"/session/{session}/abort") is True
        assert alive(mark) == []
        assert (await receipt(server, session))["survivors"] == 0
        assert await server.statuses() == {}
    answer = await server.prompt(session, "run echo still here")
    assert "still here" in str(answer["parts"])


async def test_a_hundred_aborts_leave_nothing(server: Server) -> None:
    session = await server.create(title="hundred")
    commands = list(ESCAPES.values())
    for number in range(100):
        mark = f"8777{number:04d}"
        await run_until_alive(server, session, commands[number % 3], mark)
        await server.ask("POST", f"/session/{session}/abort")
        assert alive(mark) == [], number
    messages = await server.messages(session)
    assert all("completed" in m["info"]["time"] for m in messages if m["info"]["role"] == "assistant")


async def test_a_wedged_worker_is_killed_in_time(server: Server) -> None:
    session = await server.create(title="wedged")
    mark = "86999001"
    await run_until_alive(server, session, ESCAPES["setsid"], mark)
    server.one("oad-session", "ses_", "worker").send_signal(signal.SIGSTOP)  # the purest form of stuck
    began = time.monotonic()
    await server.ask("POST", f"/session/{session}/abort")
    assert time.monotonic() - began < 1.5
    assert alive(mark) == []
    made = await receipt(server, session)
    assert made["rung"] == "killed"
    assert made["workerLost"] is True
    last = (await server.messages(session))[-1]
    assert last["info"]["error"]["name"] == "MessageAbortedError"
    assert "again" in str((await server.prompt(session, "run echo again"))["parts"])


async def test_an_abort_while_the_worker_is_born_is_not_lost(server: Server) -> None:
    for number in range(5):
        session = await server.create(title="early")
        mark = f"8688{number:04d}"
        body = {"parts": [{"type": "text", "text": f"run sleep {mark}"}]}
        answers: list[Json] = []

        async def prompt(client: httpx2.AsyncClient, session: str = session, body: Json = body) -> None:
            answers.append((await client.post(f"/session/{session}/message", json=body)).json())  # noqa: B023

        async with server.client() as client, trio.open_nursery() as nursery:
            nursery.start_soon(prompt, client)
            await until(lambda session=session: bool(server.named("oad-session", session)), "its init is there")
            await server.ask("POST", f"/session/{session}/abort")
            assert alive(mark) == []
        assert "MessageAbortedError" in str(answers[0])
        assert alive(mark) == []
        assert await server.statuses() == {}
