from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio
from live import Answer, LinkWorker, Live, live_daemon, until, wedged
from records import a_text, a_tool, of_part

from oad.contract.errors import ApiError
from oad.contract.wire import PROTOCOL_VERSION, Call, Hello
from oad.daemon import supervisor as module
from oad.daemon.lifecycle import End
from oad.daemon.supervisor import TooManyCrashes
from oad.daemon.worker import Worker


async def ensure(live: Live, session: str = "ses_a") -> Worker:
    return await live.supervisor.ensure("session", session, "/p")


async def failure_of(live: Live, session: str = "ses_a") -> ApiError:
    with pytest.raises(ApiError) as failure:
        await ensure(live, session)
    return failure.value


async def gone(live: Live) -> None:
    await until(lambda: not live.supervisor.live())


# --- getting a worker -----------------------------------------------------------------------------------------------


async def test_all_who_want_a_worker_share_one(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live:
        await live.session()
        got: list[Worker] = []

        async def take() -> None:
            got.append(await ensure(live))

        async with trio.open_nursery() as nursery:
            for _ in range(10):
                nursery.start_soon(take)
        assert len(live.spawner.children) == 1
        assert len(set(map(id, got))) == 1
        assert await ensure(live) is got[0]


async def test_a_spawn_that_fails_is_told_and_tried_again(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live:
        await live.session()
        live.spawner.failures = 1
        failure = await failure_of(live)
        assert failure.status == 503
        assert failure.headers["retry-after"]
        await gone(live)
        assert (await ensure(live)).serving


async def test_a_worker_without_a_hello_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("oad.daemon.lifecycle.HELLO_S", 0.05)
    async with live_daemon(tmp_path) as live:
        await live.session()
        live.spawner.greets = False
        assert (await failure_of(live)).status == 503
        await gone(live)


async def test_a_wrong_hello_is_a_forgery(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live:
        await live.session()
        live.spawner.greets = False
        async with trio.open_nursery() as nursery:

            async def forge() -> None:
                await until(lambda: bool(live.spawner.children))
                await live.spawner.children[0].peer.send(Hello(PROTOCOL_VERSION, "session", "ses_other", 1))

            nursery.start_soon(forge)
            assert (await failure_of(live)).status == 503
        await gone(live)


async def test_delays_grow_and_then_it_has_failed_until_it_has_rested(tmp_path: Path, autojump_clock: Any) -> None:
    # Disks and threads are real: time jumps only when nothing has happened for a while, not at once.
    autojump_clock.autojump_threshold = 0.03
    waits: list[float] = []
    async with live_daemon(tmp_path, limit_s=100_000) as live:
        await live.session()
        live.spawner.failures = 4
        for _ in range(4):
            start = trio.current_time()
            await failure_of(live)
            waits.append(trio.current_time() - start)
            await gone(live)
        assert waits[0] < 0.1
        assert waits[1] < 0.1
        assert 0.5 <= waits[2] <= 0.7
        assert 2 <= waits[3] <= 2.5
        failure = await failure_of(live)
        assert "failed too often" in str(failure.body)
        assert 5 < int(failure.headers["retry-after"]) <= 10
        await trio.sleep(10)
        live.spawner.failures = 1  # no real link here: the clock would jump while it is set up
        assert "asked to fail" in str((await failure_of(live)).body)


async def test_too_many_crashes_recycle_the_zygote_and_then_end_the_daemon(tmp_path: Path) -> None:
    with pytest.RaisesGroup(TooManyCrashes, flatten_subgroups=True):
        async with live_daemon(tmp_path) as live:
            live.spawner.failures = 1000
            try:
                for number in range(30):
                    name = f"ses_{number}"
                    await live.session(name)
                    await failure_of(live, name)
            finally:
                assert live.spawner.recycled == 1


async def test_no_worker_for_a_session_that_is_gone(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live:
        assert (await failure_of(live, "ses_unknown")).status == 404
        assert live.spawner.children == []


# --- losing it ------------------------------------------------------------------------------------------------------


async def test_a_crash_closes_the_turn_and_answers_who_waits(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live, trio.open_nursery() as nursery:
        await live.session()
        worker, answers = await live.begin(nursery)
        delta = {"sessionID": "ses_a", "messageID": "msg_2", "partID": "prt_1", "field": "text", "delta": "so far"}
        await worker.say("message.part.delta", delta, durable=False)
        await worker.say("message.part.updated", of_part(a_tool("prt_2", "running")), durable=False)
        await until(lambda: live.types().count("message.part.updated") == 3)
        worker.exit(-11)
        await until(lambda: bool(answers))
        answer = msgspec.json.decode(answers[0].body)
        assert answer["info"]["error"]["name"] == "UnknownError"
        text, tool = answer["parts"]
        assert (text["text"], tool["state"]["status"]) == ("so far", "error")
        assert live.open_things() == []
        assert live.types()[-3:] == ["session.error", "session.status", "session.idle"]
        live.spawner.operations["session.prompt"] = reply_at_once
        assert (await live.ask("session.prompt", {}, sessionID="ses_a")).body == b"1"


async def reply_at_once(worker: LinkWorker, call: Call, body: bytes) -> Answer:
    await trio.lowlevel.checkpoint()
    return Answer(b"1")


async def test_a_crash_before_anything_was_stored_is_no_old_answer(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live:
        await live.session()
        async with trio.open_nursery() as nursery:
            worker, answers = await live.begin(nursery)
            worker.finish.set()

        async def die(worker: LinkWorker, call: Call, body: bytes) -> Answer:
            worker.exit(1)
            return await wedged(worker, call, body)

        worker.operations["session.prompt"] = die
        assert len(answers) == 1
        with pytest.raises(ApiError) as failure:
            await live.ask("session.prompt", {}, sessionID="ses_a")
        assert failure.value.status == 500


async def test_what_is_answered_by_true_is_not_answered_by_a_message(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live, trio.open_nursery() as nursery:
        await live.session()
        worker, _ = await live.begin(nursery)
        worker.operations["session.summarize"] = wedged
        with pytest.raises(ApiError) as failure:
            async with trio.open_nursery() as inner:

                async def crash() -> None:
                    await until(lambda: "session.summarize" in worker.calls)
                    worker.exit(1)

                inner.start_soon(crash)
                try:
                    await live.ask("session.summarize", {}, sessionID="ses_a")
                except ApiError as error:
                    raised = error
            raise raised
        assert failure.value.status == 500


@pytest.mark.parametrize(
    ("type", "session", "body"),
    [
        ("session.idle", "ses_b", b"{}"),
        ("session.deleted", "ses_a", b'{"sessionID":"ses_a"}'),
        ("message.updated", "ses_a", b'{"info":{}}'),
        ("message.part.delta", "ses_a", b"\xff"),
    ],
)
async def test_a_forged_event_costs_its_worker_and_nobody_else(
    tmp_path: Path, type: str, session: str, body: bytes
) -> None:
    async with live_daemon(tmp_path) as live:
        await live.session("ses_a")
        await live.session("ses_b")
        await ensure(live, "ses_a")
        other = await ensure(live, "ses_b")
        await live.spawner.of("ses_a").say(type, body, session=session)
        await until(lambda: len(live.supervisor.live()) == 1)
        assert other.serving
        assert live.types() == ["session.created", "session.created"]
        assert (await ensure(live, "ses_a")).serving


# --- idle -----------------------------------------------------------------------------------------------------------


async def test_an_idle_worker_is_put_away_and_a_busy_one_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_SWEEP_S", 0.02)
    async with live_daemon(tmp_path, idle_worker_s=0.1) as live, trio.open_nursery() as nursery:
        await live.session("ses_a")
        await live.session("ses_b")
        worker, _ = await live.begin(nursery, "ses_b")
        idle = await ensure(live, "ses_a")
        await idle.gone.wait()
        assert idle.life.end is End.CLEAN
        assert live.types().count("session.error") == 0
        assert not worker.drained
        worker.finish.set()


async def test_a_directory_that_somebody_follows_keeps_its_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_SWEEP_S", 0.02)
    async with live_daemon(tmp_path, idle_worker_s=0.1) as live:
        live.listeners.report(b"1", {"/p": 1, "": 1})
        followed = await live.supervisor.ensure("project", "/p", "/p")
        other = await live.supervisor.ensure("project", "/q", "/q")
        await other.gone.wait()
        assert followed.serving
        live.listeners.forget(b"1")
        await followed.gone.wait()
        assert followed.life.end is End.CLEAN


async def test_a_call_that_meets_a_leaving_worker_gets_the_next_one(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live, trio.open_nursery() as nursery:
        await live.session()
        first = await ensure(live)
        live.spawner.obeys_drain = False
        await first.drain(5)
        live.spawner.operations["session.prompt"] = reply_at_once
        answers: list[Answer] = []

        async def ask() -> None:
            answers.append(await live.ask("session.prompt", {}, sessionID="ses_a"))

        nursery.start_soon(ask)
        await trio.testing.wait_all_tasks_blocked(0.01)
        assert answers == []
        live.spawner.children[0].exit(0)
        await until(lambda: bool(answers))
        assert len(live.spawner.children) == 2


# --- stopping -------------------------------------------------------------------------------------------------------


async def test_aborting_nothing(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live:
        receipt = await live.supervisor.abort(await live.session())
        assert (receipt.rung, receipt.took_ms) == ("none", 0)


async def test_aborting_an_idle_and_a_busy_worker(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live, trio.open_nursery() as nursery:
        session = await live.session()
        await ensure(live)
        assert (await live.supervisor.abort(session)).worker_lost is False
        worker, _ = await live.begin(nursery)
        receipt = await live.supervisor.abort(session)
        assert (receipt.rung, receipt.killed, receipt.survivors, receipt.worker_lost) == ("broker", 2, 0, False)
        assert worker.signals != []
        await live.journal.settled()
        assert live.open_things() == []
        assert msgspec.json.decode(live.store.receipt("ses_a") or b"")["killed"] == 2


@pytest.mark.parametrize("answer", [b"", b"true"])
async def test_a_wedged_worker_is_killed_and_its_turn_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: bytes
) -> None:
    """Also one whose answer makes no sense: nothing says that its turn has stopped."""
    monkeypatch.setattr("oad.daemon.ladder.KILL_S", 0.05)

    async def answer_nonsense(worker: LinkWorker, call: Call, body: bytes) -> Answer:
        await trio.lowlevel.checkpoint()
        return Answer(answer)

    async with live_daemon(tmp_path) as live, trio.open_nursery() as nursery:
        session = await live.session()
        worker, answers = await live.begin(nursery)
        worker.operations["worker.abort"] = answer_nonsense if answer else wedged
        receipt = await live.supervisor.abort(session)
        assert (receipt.rung, receipt.worker_lost) == ("killed", True)
        assert live.open_things() == []
        await until(lambda: bool(answers))
        assert msgspec.json.decode(answers[0].body)["info"]["error"]["name"] == "MessageAbortedError"


async def test_a_prompt_that_waits_for_its_worker_does_not_begin_after_an_abort(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live, trio.open_nursery() as nursery:
        session = await live.session()
        live.spawner.gate = trio.Event()
        refused: list[ApiError] = []

        async def ask() -> None:
            try:
                await live.ask("session.prompt", {}, sessionID="ses_a")
            except ApiError as error:
                refused.append(error)

        nursery.start_soon(ask)
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(live.supervisor.abort, session)
        await trio.testing.wait_all_tasks_blocked()
        live.spawner.gate.set()
        await until(lambda: bool(refused))
        await until(lambda: bool(live.spawner.children[0].calls))
        assert live.spawner.children[0].calls == ["worker.abort"]


async def test_an_abort_takes_subagents_of_any_depth_along(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live, trio.open_nursery() as nursery:
        parent = await live.session("ses_a")
        await live.session("ses_b", parent_id="ses_a")
        await live.session("ses_c", parent_id="ses_b")
        await live.session("ses_d")
        for name in ("ses_a", "ses_b", "ses_c", "ses_d"):
            await live.begin(nursery, name)
        await live.supervisor.abort(parent)
        await live.journal.settled()
        assert live.open_things() == ["ses_d", "ses_d"]
        live.spawner.of("ses_d").finish.set()


async def test_a_crashed_parent_takes_its_subagents_turns_along(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live, trio.open_nursery() as nursery:
        await live.session("ses_a")
        await live.session("ses_b", parent_id="ses_a")
        worker, _ = await live.begin(nursery, "ses_a")
        await live.begin(nursery, "ses_b")
        worker.exit(-9)
        await until(lambda: not live.open_things())
        assert "worker.abort" in live.spawner.of("ses_b").calls


async def test_ending_a_session_removes_its_scratch(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live, trio.open_nursery() as nursery:
        await live.session()
        worker, answers = await live.begin(nursery)
        scratch = Path(worker.spec.scratch)
        assert scratch.is_dir()  # noqa: ASYNC240
        await live.supervisor.end_session("ses_a")
        assert not scratch.exists()  # noqa: ASYNC240
        assert live.open_things() == []
        await until(lambda: bool(answers))


async def test_a_directory_ends_alone(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live, trio.open_nursery() as nursery:
        await live.session("ses_a")
        await live.session("ses_b", directory="/q")
        await live.begin(nursery, "ses_a")
        await live.supervisor.ensure("project", "/p", "/p")
        await live.supervisor.ensure("session", "ses_b", "/q")
        await live.supervisor.end_directory("/p")
        assert live.supervisor.directories() == ["/q"]
        assert live.open_things() == []
        assert "worker.abort" in live.spawner.of("ses_a").calls


async def test_shutting_down_closes_every_turn_within_its_grace(tmp_path: Path) -> None:
    async with live_daemon(tmp_path, shutdown_grace_s=0.3) as live, trio.open_nursery() as nursery:
        for name in ("ses_a", "ses_b", "ses_c"):
            await live.session(name)
            await live.begin(nursery, name)
        live.spawner.of("ses_c").operations["worker.abort"] = wedged
        start = trio.current_time()
        await live.supervisor.shut_down()
        assert trio.current_time() - start < 3
        assert live.supervisor.live() == []
        await live.journal.settled()
        assert live.open_things() == []
        assert (await failure_of(live)).status == 503


async def test_a_worker_that_rests_is_not_born_when_the_service_stops(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live, trio.open_nursery() as nursery:
        await live.session()
        live.spawner.failures = 3
        for _ in range(3):
            await failure_of(live)
            await gone(live)
        nursery.start_soon(failure_of, live)
        await trio.testing.wait_all_tasks_blocked()
        start = trio.current_time()
        await live.supervisor.shut_down()
        assert trio.current_time() - start < 1
        assert live.spawner.children == []


# --- cancellation, phase by phase -----------------------------------------------------------------------------------


@pytest.mark.parametrize("phase", ["spawning", "greeting", "serving", "in a turn", "draining"])
async def test_the_end_of_the_supervisor_ends_its_workers(tmp_path: Path, phase: str) -> None:
    async with live_daemon(tmp_path) as live, trio.open_nursery() as nursery:
        await live.session()
        live.spawner.obeys_drain = False
        if phase == "spawning":
            live.spawner.gate = trio.Event()
        live.spawner.greets = phase != "greeting"
        if phase == "in a turn":
            await live.begin(nursery)
        elif phase in ("serving", "draining"):
            worker = await ensure(live)
            if phase == "draining":
                await worker.drain(5)
        else:
            nursery.start_soon(failure_of, live)
            await trio.testing.wait_all_tasks_blocked(0.01)
        assert live.supervisor._nursery is not None
        live.supervisor._nursery.cancel_scope.cancel()
        await gone(live)
        await live.journal.settled()
        assert all(child._ended.is_set() for child in live.spawner.children)
        assert live.open_things() == []
        assert list(live.settings.worker_endpoints.iterdir()) == []


async def test_who_stops_waiting_for_a_worker_leaves_it_to_the_others(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live:
        await live.session()
        live.spawner.gate = trio.Event()
        with trio.move_on_after(0.01):
            await ensure(live)
        live.spawner.gate.set()
        assert (await ensure(live)).serving
        assert len(live.spawner.children) == 1


async def test_credentials_are_taken_by_those_who_can(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_REFRESH_S", 0.05)
    async with live_daemon(tmp_path) as live:
        await live.supervisor.ensure("project", "/p", "/p")
        live.spawner.operations["worker.refresh"] = wedged
        await live.supervisor.ensure("project", "/q", "/q")
        await live.supervisor.refresh_credentials()
        assert "worker.refresh" in live.spawner.of("/p").calls


async def test_a_text_that_only_streamed_survives_its_worker(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live, trio.open_nursery() as nursery:
        await live.session()
        worker, answers = await live.begin(nursery)
        await worker.say("message.part.updated", of_part(a_text("prt_9", text="whole", end=2)))
        await until(lambda: live.store.part("ses_a", "prt_9") is not None)
        worker.exit(1)
        await until(lambda: bool(answers))
        assert b'"whole"' in answers[0].body
