"""Prompts through a daemon whose workers are tasks: who waits, who is refused, and what is said of it."""

from pathlib import Path
from typing import Any

import pytest
import trio
from live import LinkWorker, Live, live_daemon, prompt, until

from oad.contract.errors import ApiError
from oad.contract.policy import AdmissionPolicy, LimitPolicy, Policy
from oad.contract.wire import Call, Origin
from oad.link import Answer

ONE_TURN = Policy(admission=AdmissionPolicy(running_turns=1))


class Client:
    """Prompts side by side; ``outcomes`` by session, in the order in which they came."""

    def __init__(self, live: Live, nursery: trio.Nursery) -> None:
        self.live = live
        self.outcomes: list[tuple[str, int, Any]] = []
        self._nursery = nursery

    async def prompt(self, session: str, user: str = "", op: str = "session.prompt") -> None:
        """Returns when it is on its way."""
        if not self.live.sessions.exists(session):
            await self.live.session(session)
        self._nursery.start_soon(self._ask, session, user, op)
        await trio.testing.wait_all_tasks_blocked(0.001)

    async def _ask(self, session: str, user: str, op: str) -> None:
        call = Call(1, op, {"directory": "/p", "sessionID": session}, origin=Origin(user or "anyone", user=user))
        try:
            answer = await self.live.dispatcher.for_gateway(call, b"{}")
            self.outcomes.append((session, answer.status, answer.body))
        except ApiError as error:
            self.outcomes.append((session, error.status, error))

    async def running(self, *sessions: str) -> None:
        """Waits until exactly these are in a turn."""
        await until(lambda: set(self.live.turns.statuses) == set(sessions))

    async def finish(self, session: str) -> None:
        self.live.spawner.of(session).finish.set()
        await until(lambda: any(each[0] == session for each in self.outcomes))

    def refusal(self, session: str) -> ApiError:
        return next(each[2] for each in self.outcomes if each[0] == session)


def positions(live: Live, session: str) -> list[int]:
    return [each["position"] for each in live.of_type("session.queued") if each["sessionID"] == session]


async def test_what_is_too_much_waits_and_is_told_its_position(tmp_path: Path) -> None:
    async with live_daemon(tmp_path, policy=ONE_TURN) as live, trio.open_nursery() as nursery:
        client = Client(live, nursery)
        for name in ("ses_a", "ses_b", "ses_c"):
            await client.prompt(name)
        await client.running("ses_a")
        await until(lambda: (positions(live, "ses_b"), positions(live, "ses_c")) == ([1], [2]))
        (told, _) = live.of_type("session.queued")
        assert told == {"sessionID": "ses_b", "position": 1, "waiting": 1, "limit": "runningTurns", "value": 1}
        statuses = await live.json("session.status")
        assert {id: status["type"] for id, status in statuses.items()} == {
            "ses_a": "busy",
            "ses_b": "retry",
            "ses_c": "retry",
        }
        assert "number 2 in the queue" in statuses["ses_c"]["message"]
        await client.finish("ses_a")
        await client.running("ses_b")
        await until(lambda: positions(live, "ses_c") == [2, 1])
        await client.finish("ses_b")
        await client.running("ses_c")
        await client.finish("ses_c")
        assert [each[:2] for each in client.outcomes] == [("ses_a", 200), ("ses_b", 200), ("ses_c", 200)]
        assert (live.services.turnstile.running, live.services.turnstile.waiting) == (0, 0)
        assert await live.json("session.status") == {}


async def test_users_take_turns(tmp_path: Path) -> None:
    async with live_daemon(tmp_path, policy=ONE_TURN) as live, trio.open_nursery() as nursery:
        client = Client(live, nursery)
        for name in ("ses_a1", "ses_a2", "ses_a3"):
            await client.prompt(name, "ann")
        await client.prompt("ses_b1", "bob")
        for name in ("ses_a1", "ses_b1", "ses_a2", "ses_a3"):
            await client.running(name)
            await client.finish(name)


async def test_a_full_queue_refuses_and_says_why(tmp_path: Path) -> None:
    policy = Policy(admission=AdmissionPolicy(running_turns=1, queue=1))
    async with live_daemon(tmp_path, policy=policy) as live, trio.open_nursery() as nursery:
        client = Client(live, nursery)
        for name in ("ses_a", "ses_b", "ses_c"):
            await client.prompt(name)
        await until(lambda: len(client.outcomes) == 1)
        refusal = client.refusal("ses_c")
        assert (refusal.status, refusal.headers["retry-after"]) == (429, "5")
        assert refusal.body["data"] == refusal.body["data"] | {
            "limit": "runningTurns",
            "value": 1,
            "peak": 1,
            "setting": "[admission] running_turns",
            "code": "RATE_LIMITED",
            "waiting": 1,
        }
        for name in ("ses_a", "ses_b"):
            await client.running(name)
            await client.finish(name)
        assert (live.services.turnstile.running, live.services.turnstile.waiting) == (0, 0)


async def test_one_user_can_be_limited_alone(tmp_path: Path) -> None:
    policy = Policy(admission=AdmissionPolicy(running_turns=3, running_turns_per_user=1, queue=0))
    async with live_daemon(tmp_path, policy=policy) as live, trio.open_nursery() as nursery:
        client = Client(live, nursery)
        await client.prompt("ses_a1", "ann")
        await client.prompt("ses_a2", "ann")
        await client.prompt("ses_b1", "bob")
        await client.running("ses_a1", "ses_b1")
        await until(lambda: len(client.outcomes) == 1)
        assert client.refusal("ses_a2").body["data"]["limit"] == "runningTurnsPerUser"
        for name in ("ses_a1", "ses_b1"):
            await client.finish(name)


async def test_a_prompt_for_a_turn_that_runs_needs_no_other(tmp_path: Path) -> None:
    policy = Policy(admission=AdmissionPolicy(running_turns=1, queue=0))
    async with live_daemon(tmp_path, policy=policy) as live, trio.open_nursery() as nursery:
        client = Client(live, nursery)
        await client.prompt("ses_a")
        await client.running("ses_a")
        await client.prompt("ses_a")
        await until(lambda: live.spawner.of("ses_a").calls.count("session.prompt") == 2)
        await client.finish("ses_a")
        await until(lambda: len(client.outcomes) == 2)
        assert [each[1] for each in client.outcomes] == [200, 200]


@pytest.mark.parametrize("op", ["session.prompt", "session.prompt_async"])
@pytest.mark.parametrize("by", ["session.abort", "session.delete"])
async def test_what_waits_can_be_stopped(op: str, by: str, tmp_path: Path) -> None:
    async with live_daemon(tmp_path, policy=ONE_TURN) as live, trio.open_nursery() as nursery:
        client = Client(live, nursery)
        await client.prompt("ses_a")
        await client.running("ses_a")
        await client.prompt("ses_b", op=op)
        await client.prompt("ses_c")
        if op == "session.prompt_async":
            await until(lambda: client.outcomes == [("ses_b", 204, b"")])
        await live.ask(by, sessionID="ses_b")
        await until(lambda: live.services.turnstile.waiting == 1 and len(client.outcomes) == 1)
        if op == "session.prompt":
            assert client.outcomes[0][1] == (409 if by == "session.abort" else 404)
        if by == "session.abort":
            await until(lambda: len(live.of_type("session.error")) == 1)
            assert live.of_type("session.error")[0]["error"]["name"] == "MessageAbortedError"
            said = [each["status"]["type"] for each in live.of_type("session.status") if each["sessionID"] == "ses_b"]
            assert (said[0], said[-1]) == ("retry", "idle")
        await until(lambda: positions(live, "ses_c") == [2, 1])
        await client.finish("ses_a")
        await client.running("ses_c")  # nobody had to wait for what was stopped
        assert not any(worker.spec.name == "ses_b" for worker in live.spawner.children)
        await client.finish("ses_c")


@pytest.mark.parametrize("op", ["session.prompt", "session.prompt_async"])
async def test_what_waits_ends_with_its_directory(op: str, tmp_path: Path) -> None:
    async with live_daemon(tmp_path, policy=ONE_TURN) as live, trio.open_nursery() as nursery:
        client = Client(live, nursery)
        await client.prompt("ses_a")
        await client.running("ses_a")
        await client.prompt("ses_b", op=op)
        await live.session("ses_q", directory="/q")
        await client.prompt("ses_q")
        await until(lambda: live.services.turnstile.waiting == 2)
        await live.ask("instance.dispose")
        await client.running("ses_q")  # not the one that came first, whose directory was disposed of
        answered = 409 if op == "session.prompt" else 204
        assert {each[:2] for each in client.outcomes} == {("ses_a", 200), ("ses_b", answered)}
        (told,) = [each["error"]["data"] for each in live.of_type("session.error") if each["sessionID"] == "ses_b"]
        assert told["message"] == "Its directory was disposed of before it began"
        said = [each["status"]["type"] for each in live.of_type("session.status") if each["sessionID"] == "ses_b"]
        assert said == ["retry", "idle"]
        assert await live.json("session.status") == {}
        await client.finish("ses_q")
        assert not any(worker.spec.name == "ses_b" for worker in live.spawner.children)
        await until(lambda: live.services.turnstile.running == 0)


async def test_nothing_begins_while_all_directories_end(tmp_path: Path) -> None:
    async with live_daemon(tmp_path, policy=ONE_TURN) as live, trio.open_nursery() as nursery:
        client = Client(live, nursery)
        await client.prompt("ses_a")
        await client.running("ses_a")
        await live.session("ses_q", directory="/q")  # where no worker is
        await client.prompt("ses_q")
        await until(lambda: live.services.turnstile.waiting == 1)
        await live.ask("global.dispose")
        await until(lambda: len(client.outcomes) == 2)
        assert sorted(each[:2] for each in client.outcomes) == [("ses_a", 200), ("ses_q", 409)]
        assert [worker.spec.name for worker in live.spawner.children] == ["ses_a"]
        assert await live.json("session.status") == {}


async def test_a_prompt_whose_worker_starts_ends_with_its_directory(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live, trio.open_nursery() as nursery:
        client = Client(live, nursery)
        live.spawner.gate = trio.Event()
        await client.prompt("ses_a")
        nursery.start_soon(live.ask, "instance.dispose")
        await trio.testing.wait_all_tasks_blocked(0.001)
        live.spawner.gate.set()
        await until(lambda: len(client.outcomes) == 1)
        assert client.outcomes[0][:2] == ("ses_a", 409)
        await until(lambda: live.supervisor.live() == [])
        assert await live.json("session.status") == {}


async def test_what_waits_too_long_is_refused(tmp_path: Path) -> None:
    policy = Policy(admission=AdmissionPolicy(running_turns=1, queue_s=0.05))
    async with live_daemon(tmp_path, policy=policy) as live, trio.open_nursery() as nursery:
        client = Client(live, nursery)
        await client.prompt("ses_a")
        await client.running("ses_a")
        await client.prompt("ses_b")
        await client.prompt("ses_c", op="session.prompt_async")
        await until(lambda: len(live.of_type("session.error")) == 1)
        await until(lambda: len(client.outcomes) == 2)
        assert client.refusal("ses_b").body["data"]["limit"] == "runningTurns"
        (told,) = live.of_type("session.error")
        assert (told["sessionID"], told["error"]["name"]) == ("ses_c", "LimitError")
        assert live.services.turnstile.waiting == 0
        await client.finish("ses_a")


async def test_a_turn_counts_from_the_answer_to_its_prompt_until_it_shows(tmp_path: Path) -> None:
    async with live_daemon(tmp_path, policy=ONE_TURN) as live, trio.open_nursery() as nursery:

        async def go_on(worker: LinkWorker) -> None:
            await trio.sleep(0.02)
            await worker.status("busy")
            await worker.finish.wait()
            await worker.status("idle")

        async def answer_at_once(worker: LinkWorker, call: Call, body: bytes) -> Answer:
            """The turn shows a little later, as with a real worker."""
            nursery.start_soon(go_on, worker)
            await trio.lowlevel.checkpoint()
            return Answer(b"", 204)

        live.spawner.operations["session.prompt_async"] = answer_at_once
        client = Client(live, nursery)
        await client.prompt("ses_a", op="session.prompt_async")
        await client.prompt("ses_b", op="session.prompt_async")
        await client.running("ses_a")
        assert live.services.turnstile.waiting == 1
        live.spawner.of("ses_a").finish.set()
        await client.running("ses_b")
        live.spawner.of("ses_b").finish.set()
        await until(lambda: live.services.turnstile.running == 0)


async def test_a_turn_that_showed_before_its_prompt_was_answered_ends_with_its_end(tmp_path: Path) -> None:
    async def answer_late(worker: LinkWorker, call: Call, body: bytes) -> Answer:
        await worker.status("busy")
        return Answer(b"", 204)

    async with live_daemon(tmp_path, policy=ONE_TURN) as live, trio.open_nursery() as nursery:
        live.spawner.operations["session.prompt_async"] = answer_late
        client = Client(live, nursery)
        await client.prompt("ses_a", op="session.prompt_async")
        await client.prompt("ses_b", op="session.prompt_async")
        await client.running("ses_a")
        with trio.fail_after(5):
            await live.spawner.of("ses_a").status("idle")
            await client.running("ses_b")


async def ask_subagent(worker: LinkWorker, call: Call, body: bytes) -> Answer:
    if worker.spec.name == "ses_child":
        return await prompt(worker, call, body)
    await worker.status("busy")
    await worker.peer.call("session.prompt", {"sessionID": "ses_child"}, b"{}")
    await worker.status("idle")
    return Answer(b'"done"')


async def test_a_subagent_never_waits_for_its_parent(tmp_path: Path) -> None:
    policy = Policy(admission=AdmissionPolicy(running_turns=1, running_turns_per_user=1, queue=0))
    async with live_daemon(tmp_path, policy=policy) as live, trio.open_nursery() as nursery:
        client = Client(live, nursery)
        await live.session("ses_parent")
        await live.session("ses_child", parent_id="ses_parent")
        live.spawner.operations["session.prompt"] = ask_subagent
        await client.prompt("ses_parent")
        await client.running("ses_parent", "ses_child")
        assert live.services.turnstile.running == 1
        await client.prompt("ses_child")  # a person who speaks to it needs a turn of his own
        await until(lambda: len(client.outcomes) == 1)
        assert client.refusal("ses_child").status == 429
        live.spawner.of("ses_child").finish.set()
        await until(lambda: len(client.outcomes) == 2)
        assert client.outcomes[1] == ("ses_parent", 200, b'"done"')


async def test_idle_workers_go_before_anybody_is_refused(tmp_path: Path) -> None:
    policy = Policy(limits=LimitPolicy(live_sessions=2), admission=AdmissionPolicy(queue=0))
    async with live_daemon(tmp_path, policy=policy) as live, trio.open_nursery() as nursery:
        client = Client(live, nursery)
        for name in ("ses_a", "ses_b", "ses_c", "ses_d"):
            await client.prompt(name)
            await client.running(name)
            assert len([each for each in live.supervisor.live() if not each.leaving]) <= 2
            await client.finish(name)
        assert [each[:2] for each in client.outcomes] == [(f"ses_{x}", 200) for x in "abcd"]
        assert live.of_type("session.queued") == []  # it takes a moment, and is no waiting
        await client.prompt("ses_a")
        await client.prompt("ses_b")
        await client.running("ses_a", "ses_b")
        await client.prompt("ses_c")
        await until(lambda: len(client.outcomes) == 5)
        assert client.outcomes[-1][2].body["data"]["setting"] == "[limits] live_sessions"
        for name in ("ses_a", "ses_b"):
            await client.finish(name)


async def test_sessions_are_not_started_into_memory_that_is_not_there(tmp_path: Path) -> None:
    policy = Policy(admission=AdmissionPolicy(free_memory_mb=500))
    async with live_daemon(tmp_path, policy=policy) as live, trio.open_nursery() as nursery:
        client = Client(live, nursery)
        await client.prompt("ses_a")
        await client.running("ses_a")
        live.free_mb = 400.0
        await client.prompt("ses_b")
        await until(lambda: [each["limit"] for each in live.of_type("session.queued")] == ["freeMemoryMb"])
        await client.prompt("ses_a")  # lives already
        await client.finish("ses_a")
        await until(lambda: live.supervisor.find("session", "ses_a") is None)  # put away to have some
        assert live.services.turnstile.waiting == 1
        live.free_mb = 900.0
        await client.running("ses_b")
        await client.finish("ses_b")


async def test_a_failed_start_takes_nobodys_turn(tmp_path: Path) -> None:
    async with live_daemon(tmp_path, policy=ONE_TURN) as live, trio.open_nursery() as nursery:
        client = Client(live, nursery)
        live.spawner.failures = 1
        await client.prompt("ses_a")
        await client.prompt("ses_b")
        await client.running("ses_b")
        assert client.refusal("ses_a").status == 503
        await client.finish("ses_b")
        assert live.services.turnstile.running == 0


async def test_prompts_of_one_session_keep_their_order(tmp_path: Path) -> None:
    arrived: list[bytes] = []

    async def note(worker: LinkWorker, call: Call, body: bytes) -> Answer:
        arrived.append(body)
        await trio.lowlevel.checkpoint()
        return Answer(b"", 204)

    async with live_daemon(tmp_path, policy=ONE_TURN) as live, trio.open_nursery() as nursery:
        client = Client(live, nursery)
        await client.prompt("ses_a")
        await client.running("ses_a")
        live.spawner.operations["session.prompt_async"] = note
        await live.session("ses_b")
        for number in range(20):
            call = Call(1, "session.prompt_async", {"directory": "/p", "sessionID": "ses_b"})
            await live.dispatcher.for_gateway(call, b"%d" % number)
        await client.finish("ses_a")
        await until(lambda: len(arrived) == 20)
        assert arrived == [b"%d" % number for number in range(20)]


async def test_who_asks_too_often_is_told_when_to_come_again(tmp_path: Path) -> None:
    policy = Policy(admission=AdmissionPolicy(requests_per_s=0.5, requests_at_once=2))
    async with live_daemon(tmp_path, policy=policy) as live:
        for user, answers in (("ann", [200, 200, 429]), ("bob", [200, 200, 429])):
            found: list[int] = []
            for _ in range(3):
                call = Call(1, "session.list", {"directory": "/p"}, origin=Origin(user, user=user))
                try:
                    found.append((await live.dispatcher.for_gateway(call, b"")).status)
                except ApiError as error:
                    found.append(error.status)
                    assert error.headers["retry-after"] == "2"
                    assert error.body["data"]["setting"] == "[admission] requests_per_s"
            assert found == answers
