"""More prompts than may run at a time, against a real server with two gateways: a line, and an end of it."""

import shutil
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import httpx2
import pytest
import trio

from .server import Json, Server, kill, until

SETTINGS = "[admission]\nrunning_turns = 1\nqueue = 2\n"
BODY = {"parts": [{"type": "text", "text": "hello"}]}


@pytest.fixture(scope="module")
def busy_host() -> Iterator[Server]:
    place = Path(tempfile.mkdtemp(prefix="oad-e2e-"))
    (place / "oad.toml").write_text(SETTINGS)
    for name in ("home", "project"):
        (place / name).mkdir()
    server = Server(place / "home", place / "project")
    try:
        trio.run(lambda: server.start("--config", str(place / "oad.toml"), "--gateways", "2"))
        yield server
    finally:
        server.discard()
        print(server.logged())
        shutil.rmtree(place, ignore_errors=True)


async def occupy(server: Server) -> str:
    session = await server.create()
    await server.prompt_async(session, "run sleep 60")
    await until(lambda: is_busy(server, session), "the only turn is taken")
    return session


async def is_busy(server: Server, session: str) -> bool:
    return (await server.statuses()).get(session) == {"type": "busy"}


async def test_prompts_wait_in_line(busy_host: Server) -> None:
    async with busy_host.events("/event", directory=str(busy_host.project)) as events, trio.open_nursery() as nursery:
        answers: list[Json] = []

        async def prompt(session: str) -> None:
            answers.append(await busy_host.prompt(session, "hello"))

        first = await occupy(busy_host)
        second, third = await busy_host.create(), await busy_host.create()
        nursery.start_soon(prompt, second)
        queued = await events.until(lambda event: event["type"] == "session.queued")
        assert queued["properties"] == {
            "sessionID": second,
            "position": 1,
            "waiting": 1,
            "limit": "runningTurns",
            "value": 1,
        }
        await busy_host.prompt_async(third, "hello")
        waiting = (await busy_host.statuses())[third]
        assert waiting["type"] == "retry"
        assert "number 2 in the queue" in waiting["message"]
        assert await busy_host.messages(third) == []
        async with busy_host.client() as client:
            refused = await client.post(f"/session/{await busy_host.create()}/message", json=BODY)
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "5")
        told = {"limit": "runningTurns", "value": 1, "setting": "[admission] running_turns", "waiting": 2}
        assert refused.json()["data"] == refused.json()["data"] | told | {"code": "RATE_LIMITED"}
        await busy_host.ask("POST", f"/session/{first}/abort")
        await events.until(lambda e: e["type"] == "session.idle" and e["properties"]["sessionID"] == third)
        busy = [
            event["properties"]["sessionID"]
            for event in events.seen
            if event["type"] == "session.status" and event["properties"]["status"]["type"] == "busy"
        ]
        assert list(dict.fromkeys(busy)) == [first, second, third]
    assert "error" not in answers[0]["info"]
    assert len(await busy_host.messages(third)) == 2
    assert await busy_host.statuses() == {}


async def test_what_waits_can_be_aborted(busy_host: Server) -> None:
    first, second = await occupy(busy_host), await busy_host.create()
    async with busy_host.events("/event", directory=str(busy_host.project)) as events:
        await busy_host.prompt_async(second, "hello")
        await busy_host.ask("POST", f"/session/{second}/abort")
        failed = await events.until(lambda event: event["type"] == "session.error")
        assert failed["properties"]["error"]["name"] == "MessageAbortedError"
        await events.until(lambda e: e["type"] == "session.idle" and e["properties"]["sessionID"] == second)
    assert set(await busy_host.statuses()) == {first}
    assert await busy_host.messages(second) == []
    await busy_host.ask("POST", f"/session/{first}/abort")


async def test_one_runner_per_session_whatever_gateway_is_asked(busy_host: Server) -> None:
    """Eight prompts at the same moment, over connections that two gateways share: one worker, and each is answered."""
    session = await busy_host.create()
    answers: list[Json] = []

    async def prompt(number: int) -> None:
        answers.append(await busy_host.prompt(session, f"number {number}"))

    async with busy_host.events("/event", directory=str(busy_host.project)) as events:
        async with trio.open_nursery() as nursery:
            for number in range(8):
                nursery.start_soon(prompt, number)
        assert len(busy_host.named("oad-session", session, "worker")) == 1
        await events.until(lambda event: event["type"] == "session.idle")
    messages = await busy_host.messages(session)
    asked = [message["parts"][0]["text"] for message in messages if message["info"]["role"] == "user"]
    assert sorted(asked) == [f"number {number}" for number in range(8)]
    assert len(answers) == 8
    assert all("error" not in answer["info"] for answer in answers)
    assert await busy_host.statuses() == {}


async def deliver(server: Server, session: str, key: str, op: str = "message", body: Json = BODY) -> httpx2.Response:
    async with server.client() as client:
        return await client.post(f"/session/{session}/{op}", json=body, headers={"idempotency-key": key})


async def users(server: Server, session: str) -> int:
    return sum(1 for message in await server.messages(session) if message["info"]["role"] == "user")


@pytest.mark.parametrize(
    ("op", "body"),
    [("message", BODY), ("prompt_async", BODY), ("shell", {"agent": "build", "command": "echo once >> counted"})],
)
async def test_three_deliveries_are_one_run(busy_host: Server, op: str, body: Json) -> None:
    session, answers = await busy_host.create(), list[httpx2.Response]()

    async def one() -> None:
        answers.append(await deliver(busy_host, session, "three", op, body))

    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(one)
    answers.append(await deliver(busy_host, session, "three", op, body))
    assert {(answer.status_code, answer.content) for answer in answers} == {
        (204 if op == "prompt_async" else 200, answers[0].content)
    }
    await until(lambda: is_quiet(busy_host, session), "the turn is over")
    assert await users(busy_host, session) == 1
    if op == "shell":
        assert (busy_host.project / "counted").read_text() == "once\n"
    reused = await deliver(busy_host, session, "three", op, {**body, "agent": "plan"})
    assert (reused.status_code, reused.json()["name"]) == (422, "IdempotencyKeyReusedError")


async def is_quiet(server: Server, session: str) -> bool:
    return session not in await server.statuses()


async def test_an_answer_that_was_lost_is_given_again(busy_host: Server) -> None:
    session = await busy_host.create()
    slow = {"parts": [{"type": "text", "text": "run sleep 2; echo done"}]}
    with trio.move_on_after(0.5):
        await deliver(busy_host, session, "lost", body=slow)
    first, second = [await deliver(busy_host, session, "lost", body=slow) for _ in range(2)]
    assert (first.status_code, first.content) == (200, second.content)
    assert await users(busy_host, session) == 1


async def test_a_restart_closes_what_waits_and_does_nothing_twice(busy_host: Server) -> None:
    first, second, third = [await busy_host.create() for _ in range(3)]
    slow = {"parts": [{"type": "text", "text": "run sleep 60"}]}
    outcomes: list[httpx2.Response] = []

    async def run() -> None:
        outcomes.append(await deliver(busy_host, first, "cut", body=slow))

    async with busy_host.events("/event", directory=str(busy_host.project)) as events:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(run)
            await until(lambda: is_answering(busy_host, first), "the only turn is taken")
            for session in (second, third):
                assert (await deliver(busy_host, session, f"waits {session}", "prompt_async")).status_code == 204
            kill(busy_host.one("oad-daemon"))
        assert outcomes[0].status_code == 503
        for session in (first, second, third):
            await events.until(partial(is_failure_of, session), timeout_s=40)
    assert await busy_host.statuses() == {}
    again = [await deliver(busy_host, first, "cut", body=slow) for _ in range(2)]
    assert again[0].content == again[1].content
    assert again[0].json()["info"]["error"]["name"] == "MessageAbortedError"
    assert await users(busy_host, first) == 1
    assert (await deliver(busy_host, second, f"waits {second}", "prompt_async")).status_code == 204
    assert await busy_host.messages(second) == []
    assert "error" not in (await busy_host.prompt(third, "hello"))["info"]


async def is_answering(server: Server, session: str) -> bool:
    """What it says is stored: a restart leaves it."""
    return any(message["info"]["role"] == "assistant" for message in await server.messages(session))


def is_failure_of(session: str, event: Json) -> bool:
    return event["type"] == "session.error" and event["properties"]["sessionID"] == session
