from pathlib import Path

import pytest
from live import Live, live_daemon

from oad.contract.errors import ApiError
from oad.contract.replay import ReplayPage, decode_page
from oad.daemon.journal import Place
from oad.daemon.store_trouble import Trouble

A, B = Place("/p", "global", "ses_a"), Place("/q", "global", "ses_b")


async def replay(live: Live, after: int, **params: str) -> ReplayPage:
    return decode_page((await live.ask("event.replay", after=str(after), **params)).body)


async def test_ready_follows_the_journal(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live:
        assert (await live.json("oad.ready"))["ready"] is True
        live.journal.failing = Trouble("full", "/data")
        with pytest.raises(ApiError) as failure:
            await live.ask("oad.ready")
        assert failure.value.status == 503
        await live.session()
        live.journal.failing = Trouble("full", "/data")
        with pytest.raises(ApiError) as failure:
            await live.ask("session.prompt", {}, sessionID="ses_a")
        assert (failure.value.status, live.spawner.children) == (507, [])


async def test_replay_gives_what_gateways_were_told(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live:
        for number in range(4):
            live.journal.append(f"x.{number}", {"n": number}, A if number % 2 else B)
        live.journal.append("oad.internal", {}, A)
        page = await replay(live, 1)
        assert [event.seq for event in page.events] == [2, 3, 4]
        assert (page.last, page.more, page.complete) == (5, False, True)
        told = {event.seq: event for event in live.published}
        assert all(bytes(row.event) == told[row.seq].body for row in page.events)
        only = await replay(live, 0, onlyDirectory="/p")
        assert [event.type for event in only.events] == ["x.1", "x.3"]
        assert only.last == 5
        assert (await replay(live, 5)).events == []


async def test_replay_comes_in_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("oad.daemon.operations.service._PAGE", 2)
    async with live_daemon(tmp_path) as live:
        for _ in range(3):
            live.journal.append("x", {}, A)
        first = await replay(live, 0)
        assert (len(first.events), first.last, first.more) == (2, 2, True)
        assert [e.seq for e in (await replay(live, first.last)).events] == [3]


async def test_replay_says_when_it_is_not_all(tmp_path: Path) -> None:
    """Also when the oldest event kept is a session's last one, older than many that are gone."""
    async with live_daemon(tmp_path) as live:
        live.journal.append("x", {}, B)
        for _ in range(9):
            live.journal.append("x", {}, A)
        await live.journal.settled()
        live.store.prune_events(keep=3)
        assert not (await replay(live, 0)).complete
        assert not (await replay(live, 3)).complete
        assert (await replay(live, 7)).complete
        assert not (await replay(live, 99)).complete


async def test_a_number_that_is_none(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live:
        with pytest.raises(ApiError) as failure:
            await live.ask("event.replay", after="x")
        assert failure.value.status == 400
        assert not (await replay(live, 10**30)).complete


async def test_credentials_are_kept_and_workers_told(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live:
        await live.supervisor.ensure("project", "/p", "/p")
        body = {"type": "api", "key": "k"}
        assert (await live.ask("auth.set", body, providerID="a.b-c")).body == b"true"
        assert live.credentials.all() == {"a.b-c": body}
        assert (await live.ask("auth.remove", providerID="a.b-c")).body == b"true"
        assert live.credentials.all() == {}
        assert live.spawner.of("/p").calls == ["worker.refresh", "worker.refresh"]


@pytest.mark.parametrize(
    ("body", "provider"),
    [({"type": "magic"}, "a"), ({"type": "api"}, "a"), ({"type": "oauth", "refresh": "r"}, "a"),
     ({"type": "api", "key": "k"}, "a/b"), ([], "a")],
)  # fmt: skip
async def test_credentials_that_are_none(tmp_path: Path, body: object, provider: str) -> None:
    async with live_daemon(tmp_path) as live:
        with pytest.raises(ApiError) as failure:
            await live.ask("auth.set", body, providerID=provider)
        assert failure.value.status == 400
        assert live.credentials.all() == {}


async def test_the_end_of_an_instance_is_told_after_its_workers_are_gone(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live:
        await live.session()
        await live.supervisor.ensure("session", "ses_a", "/p")
        await live.supervisor.ensure("project", "/q", "/q")
        assert (await live.ask("instance.dispose")).body == b"true"
        assert live.supervisor.directories() == ["/q"]
        assert live.of_type("server.instance.disposed") == [{"directory": "/p"}]
        await live.ask("global.dispose")
        assert live.supervisor.live() == []
        assert live.types()[-2:] == ["global.disposed", "oad.streams.end"]
