"""What is refused, and what ends, while nothing can be stored; and that it goes on by itself."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio
from live import Live, live_daemon, until
from records import an_answer, of_message

from oad.contract.errors import ApiError
from oad.contract.policy import Policy, StoragePolicy
from oad.contract.wire import Call, Origin
from oad.daemon.projection import Recorded
from oad.daemon.storage import needs_store
from oad.link import Answer


class Disk:
    """Of a live daemon: may be full."""

    def __init__(self, live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
        self.full = False
        commit = live.store.commit

        def commit_if_there_is_room(events: Sequence[Recorded], *, full: bool) -> None:
            if self.full:
                raise sqlite3.OperationalError("database or disk is full")
            commit(events, full=full)

        monkeypatch.setattr(live.store, "commit", commit_if_there_is_room)


async def written(live: Live) -> None:
    done = trio.Event()
    live.journal.then(done.set)
    await done.wait()


async def by_client(live: Live, op: str, method: str, body: Any = None, **params: str) -> Answer:
    content = b"" if body is None else msgspec.json.encode(body)
    call = Call(1, op, {"directory": "/p", **params}, origin=Origin("somebody", method=method))
    return await live.dispatcher.for_gateway(call, content)


async def refused(live: Live, op: str, **params: str) -> ApiError:
    with pytest.raises(ApiError) as caught:
        await by_client(live, op, "POST", {}, **params)
    return caught.value


async def test_writes_are_refused_reads_go_on_and_turns_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with live_daemon(tmp_path) as live, trio.open_nursery() as nursery:
        nursery.start_soon(live.services.storage.run)
        await live.session()
        disk = Disk(live, monkeypatch)
        worker, answers = await live.begin(nursery)
        orders: list[Any] = []

        async def end(worker: Any, call: Call, body: bytes) -> Answer:
            order = msgspec.json.decode(body)
            orders.append(order["error"])
            await worker.say("message.updated", of_message(an_answer("msg_2", completed=3)))
            await worker.status("idle")
            worker.finish.set()
            return Answer(b"true")

        worker.operations["worker.limit"] = end
        disk.full = True
        live.journal.append("x", {}, live_place())
        await until(lambda: live.journal.failing is not None)
        assert (await refused(live, "session.create")).status == 507
        assert (await refused(live, "session.prompt", sessionID="ses_a")).body["name"] == "StorageError"
        assert (await by_client(live, "session.get", "GET", sessionID="ses_a")).status == 200
        assert (await by_client(live, "session.messages", "GET", sessionID="ses_a")).status == 200
        with pytest.raises(ApiError) as caught:
            await by_client(live, "oad.ready", "GET")
        assert caught.value.status == 503
        assert "Nothing can be stored" in caught.value.body["data"]["message"]
        await until(lambda: bool(orders))
        assert orders[0]["name"] == "StorageError"
        assert "session.error" in live.types(), "clients hear of it at once"
        await until(lambda: not live.turns.busy("ses_a"))
        disk.full = False
        await written(live)
        assert (await by_client(live, "session.create", "POST", {})).status == 200
        assert (await by_client(live, "oad.ready", "GET")).status == 200
        nursery.cancel_scope.cancel()
    assert answers


def live_place() -> Any:
    from oad.daemon.journal import Place

    return Place("/p", "global", "ses_a")


async def test_a_worker_that_does_not_end_its_turn_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with live_daemon(tmp_path) as live, trio.open_nursery() as nursery:
        await live.session()
        disk = Disk(live, monkeypatch)
        told: list[ApiError] = []

        async def ask() -> None:
            try:
                await live.ask("session.prompt", {}, sessionID="ses_a")
            except ApiError as error:
                told.append(error)

        nursery.start_soon(ask)
        await until(lambda: any(c.spec.name == "ses_a" and c.prompted.is_set() for c in live.spawner.children))
        await until(lambda: bool(live.store.parts("ses_a")))
        worker = live.spawner.of("ses_a")

        async def refuse(worker: Any, call: Call, body: bytes) -> Answer:
            return Answer(b"", 500)

        worker.operations["worker.limit"] = refuse
        nursery.start_soon(live.services.storage.run)
        disk.full = True
        live.journal.append("x", {}, live_place())
        await until(lambda: bool(told))
        assert told[0].status == 507
        disk.full = False
        await written(live)
        await until(lambda: not live.turns.busy("ses_a"))
        await live.journal.settled()
        listed = msgspec.json.decode((await by_client(live, "session.messages", "GET", sessionID="ses_a")).body)
        assert listed[-1]["info"]["error"]["name"] == "StorageError"
        nursery.cancel_scope.cancel()


async def test_a_reserve_is_kept_for_what_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free = 10.0
    monkeypatch.setattr("oad.daemon.storage.free_mb", lambda place: free)
    policy = Policy(storage=StoragePolicy(min_free_mb=20))
    async with live_daemon(tmp_path, policy=policy) as live:
        await live.session()
        error = await refused(live, "session.prompt", sessionID="ses_a")
        assert (error.status, error.body["data"]["reason"]) == (507, "reserve")
        assert "10 MB of 20 MB" in error.body["data"]["message"]
        assert (await by_client(live, "session.create", "POST", {})).status == 200, "records are small"
        with pytest.raises(ApiError) as caught:
            await by_client(live, "oad.ready", "GET")
        assert caught.value.status == 503
        free = 30.0
        live.services.storage.check_prompt()
        assert (await by_client(live, "oad.ready", "GET")).status == 200


def test_what_stops_things_needs_no_store() -> None:
    def call(op: str, method: str) -> Call:
        return Call(1, op, {}, origin=Origin("x", method=method))

    assert needs_store(call("session.create", "POST"))
    assert needs_store(call("session.delete", "DELETE"))
    assert not needs_store(call("session.get", "GET"))
    assert not needs_store(call("session.abort", "POST"))
    assert not needs_store(Call(1, "event.replay", {}))
