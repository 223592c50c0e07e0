from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio
from live import LinkWorker, Live, live_daemon, until
from records import a_permission, a_question


async def worker_of(live: Live, session: str = "ses_a") -> LinkWorker:
    await live.supervisor.ensure("session", session, "/p")
    return live.spawner.of(session)


async def call(worker: LinkWorker, op: str, body: Any = None, **params: str) -> tuple[int, Any]:
    reply, answer = await worker.peer.call(op, params, b"" if body is None else msgspec.json.encode(body))
    return reply.status, msgspec.json.decode(answer)


async def test_a_turn_begins_with_everything_said_before(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live:
        await live.session()
        worker = await worker_of(live)
        live.credentials.set("a", {"type": "api", "key": "k"})
        await worker.say("session.patched", {"sessionID": "ses_a", "patch": {"title": "new"}, "touch": True})
        status, state = await call(worker, "daemon.turn")
        assert status == 200
        assert state["session"]["title"] == "new"
        assert state["messages"] == []
        assert state["credentials"] == {"a": {"type": "api", "key": "k"}}


async def test_asks_wait_for_a_person(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live:
        await live.session()
        worker = await worker_of(live)
        answers: list[Any] = []

        async def ask(op: str, request: Any) -> None:
            answers.append(await call(worker, op, request))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask, "ask.permission", a_permission("per_1", "ses_forged"))
            await until(lambda: bool(live.asks.listing("permission")))
            assert live.asks.listing("permission")[0].session_id == "ses_a"
            await live.ask("permission.reply", {"reply": "once"}, requestID=live.asks.listing("permission")[0].id)
            await until(lambda: len(answers) == 1)
            nursery.start_soon(ask, "ask.question", a_question())
            await until(lambda: bool(live.asks.listing("question")))
            await live.ask("question.reject", requestID=live.asks.listing("question")[0].id)
        assert answers[0] == (200, {"reply": "once"})
        assert answers[1][0] == 409


async def test_an_asker_that_leaves_withdraws(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live:
        await live.session()
        worker = await worker_of(live)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(call, worker, "ask.permission", a_permission())
            await until(lambda: bool(live.asks.listing("permission")))
            nursery.cancel_scope.cancel()
        await until(lambda: not live.asks.listing("permission"))


async def test_the_asks_of_a_dead_worker_are_gone(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live, trio.open_nursery() as nursery:
        await live.session()
        worker = await worker_of(live)
        nursery.start_soon(call, worker, "ask.question", a_question())
        await until(lambda: bool(live.asks.listing("question")))
        nursery.cancel_scope.cancel()
        worker.exit(1)
        await until(lambda: not live.asks.listing("question"))


@pytest.mark.parametrize(
    ("op", "session"),
    [("session.delete", "ses_b"), ("session.prompt", "ses_c"), ("session.get", "ses_a"), ("auth.set", "ses_b"),
     ("session.list", ""), ("permission.reply", "ses_b"), ("nonsense", "ses_b")],
)  # fmt: skip
async def test_a_worker_has_no_business_with_others(tmp_path: Path, op: str, session: str) -> None:
    async with live_daemon(tmp_path) as live:
        await live.session("ses_a")
        await live.session("ses_b", parent_id="ses_a")
        await live.session("ses_c")
        worker = await worker_of(live)
        status, body = await call(worker, op, {}, sessionID=session, directory="/p", requestID="per_1")
        assert (status, body["name"]) == (403, "ForbiddenError")


async def test_a_worker_may_do_with_its_own_subagents(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live:
        await live.session("ses_a", directory="/p")
        await live.session("ses_c")
        worker = await worker_of(live)
        status, child = await call(worker, "session.create", {"parentID": "ses_c"}, directory="/elsewhere")
        assert (status, child["parentID"], child["directory"]) == (200, "ses_a", "/p")
        await live.session("ses_d", parent_id=child["id"])
        for name in (child["id"], "ses_d"):
            assert (await call(worker, "session.get", sessionID=name))[0] == 200


async def test_a_directory_may_ask_for_credentials_only(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live:
        await live.session()
        await live.supervisor.ensure("project", "/p", "/p")
        worker = live.spawner.of("/p")
        status, keys = await call(worker, "daemon.credentials")
        assert (status, keys["credentials"], keys["environment"]) == (200, {}, {})
        assert (await call(worker, "session.get", sessionID="ses_a"))[0] == 403
        assert (await call(worker, "daemon.turn"))[0] == 403
