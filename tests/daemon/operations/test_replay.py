from pathlib import Path

import pytest
from live import Live, live_daemon

from oad.contract.errors import ApiError
from oad.contract.replay import ReplayPage, decode_page, mark_of
from oad.daemon.journal import Place

A, B = Place("/p", "global", "ses_a"), Place("/q", "global", "ses_b")


async def replay(live: Live, after: int, **params: str) -> ReplayPage:
    return decode_page((await live.ask("event.replay", after=str(after), **params)).body)


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
    monkeypatch.setattr("oad.daemon.operations.replay._PAGE", 2)
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


async def test_pages_are_bounded_in_bytes_too(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live:
        for _ in range(5):
            live.journal.append("x", {"text": "x" * 300_000}, A)
        live.journal.append("x", {"text": "x" * 3_000_000}, A)
        sizes, after, more = list[int](), 0, True
        while more:
            page = await replay(live, after)
            sizes.append(len(page.events))
            after, more = page.last, page.more
    assert sizes == [1, 1, 1, 1, 1, 1]
    assert after == 6


async def test_marks_tell_of_another_journal(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live:
        for _ in range(3):
            live.journal.append("x", {}, A)
        await live.journal.settled()
        marks = [mark_of(event.seq, event.id) for event in live.published]
        assert (await replay(live, 2, mark=marks[1])).complete
        assert (await replay(live, 1, mark=marks[1])).complete  # of which only a half was seen
        for after, mark in ((2, "2-0000"), (2, "nonsense"), (3, "4-abcd"), (-1, ""), (4, "")):
            page = await replay(live, after, mark=mark)
            assert (page.complete, page.known, page.events, page.mark) == (False, False, [], marks[2]), (after, mark)


async def test_what_is_no_longer_kept_is_said_with_what_is(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live:
        for _ in range(9):
            live.journal.append("x", {}, A)
        await live.journal.settled()
        live.store.prune_events(keep=3)
        page = await replay(live, 2, mark="2-gone")
    assert (page.complete, page.known, page.first) == (False, True, 7)
    assert [event.seq for event in page.events] == [7, 8, 9]
