from pathlib import Path
from typing import Any

import pytest
from books import Books, open_books
from records import a_session

from oad.contract.errors import ApiError
from oad.contract.limits import MEGABYTE, LimitHit, SessionLimits
from oad.contract.policy import LimitPolicy
from oad.contract.session import CacheTokens, Session, Tokens
from oad.daemon.limits import Limits
from oad.daemon.sessions import Usage

POLICY = LimitPolicy(memory_mb=500, tokens=1000)


def limits_of(books: Books, policy: LimitPolicy = POLICY) -> Limits:
    return Limits(policy, books.sessions, books.store, books.journal)


async def a_family(books: Books) -> None:
    """A root, its child, and that one's child."""
    wishes: list[tuple[str, Any, Any]] = [
        ("ses_a", None, SessionLimits(memory_mb=200)),
        ("ses_b", "ses_a", SessionLimits(memory_mb=300, steps=4)),
        ("ses_c", "ses_b", None),
    ]
    for id, parent, wish in wishes:
        books.sessions.save(a_session(id, parent_id=parent, limits=wish), created=True)
    await books.journal.settled()


def spend(books: Books, limits: Limits, session: str, tokens: int, *, output: int = 0) -> Session:
    record = books.sessions.find(session)
    used = Tokens(input=tokens, output=0, reasoning=0, cache=CacheTokens(read=0, write=0))
    limits.note_usage(record, Usage(cost=0.5, tokens=used), output)
    return record


async def test_a_subagent_is_bound_by_its_ancestors_and_the_operator(tmp_path: Path) -> None:
    async with open_books(tmp_path) as books:
        await a_family(books)
        limits = limits_of(books)
        assert (limits.of("ses_c").memory_mb, limits.of("ses_c").steps) == (200, 4)
        assert limits.of("ses_a").steps is None
        books.sessions.find("ses_a").limits = SessionLimits(memory_mb=100)
        assert limits.of("ses_c").memory_mb == 100
        assert limits.of("ses_unknown").memory_mb == 500
        assert limits.ancestors("ses_c") == ["ses_c", "ses_b", "ses_a"]


async def test_tokens_and_cost_are_the_roots(tmp_path: Path) -> None:
    async with open_books(tmp_path) as books:
        await a_family(books)
        limits = limits_of(books)
        limits.report(books.sessions.find("ses_a"))
        spend(books, limits, "ses_c", 600)
        assert limits.overrun == []
        spend(books, limits, "ses_b", 600)
        ((root, hit),) = limits.overrun
        assert (root, hit.limit, hit.value, hit.peak) == ("ses_a", "tokens", 1000, 1200)
        use = limits.report(books.sessions.find("ses_a")).use
        assert (use.tokens, use.cost) == (1200, 1.0)


async def test_what_was_spent_before_the_start_counts(tmp_path: Path) -> None:
    async with open_books(tmp_path) as books:
        await a_family(books)
        record = books.sessions.find("ses_b")
        record.tokens = Tokens(input=900, output=50, reasoning=40, cache=CacheTokens(read=5, write=5))
        limits = limits_of(books)
        for id in ("ses_a", "ses_c"):
            with pytest.raises(ApiError) as refused:
                limits.admit(books.sessions.find(id))
            assert refused.value.status == 429
            assert "retry-after" not in refused.value.headers
        assert limits.counts["tokens", "refused"] == 2


@pytest.mark.parametrize(("name", "field"), [("sessionOutputMb", "output"), ("writtenMb", "written")])
async def test_a_session_that_used_up_what_it_may_is_refused(tmp_path: Path, name: str, field: str) -> None:
    async with open_books(tmp_path) as books:
        await a_family(books)
        limits = limits_of(books, LimitPolicy(session_output_mb=3, written_mb=3))
        limits.admit(books.sessions.find("ses_a"))
        setattr(limits.ledger("ses_a"), field, 3 * MEGABYTE)
        with pytest.raises(ApiError) as refused:
            limits.admit(books.sessions.find("ses_a"))
        assert refused.value.body["data"]["limit"] == name
        limits.admit(books.sessions.find("ses_b"))


async def test_a_limit_that_was_reached_is_published_and_counted(tmp_path: Path) -> None:
    async with open_books(tmp_path) as books:
        await a_family(books)
        limits = limits_of(books)
        hit = LimitHit(limit="memoryMb", value=200, peak=222.22222, action="command")
        limits.reach(books.sessions.find("ses_a"), hit)
        await books.journal.settled()
        assert books.of_type("session.limit") == [
            {"sessionID": "ses_a", "limit": "memoryMb", "value": 200, "peak": 222.222, "action": "command"}
        ]
        report = limits.report(books.sessions.find("ses_a"))
        assert report.reached == {"memoryMb": 1}
        assert report.peak == {"memoryMb": 222.222}
        assert limits.counts["memoryMb", "command"] == 1
        limits.forget("ses_a")
        assert limits.report(books.sessions.find("ses_a")).reached == {}


async def test_output_never_shrinks(tmp_path: Path) -> None:
    async with open_books(tmp_path) as books:
        await a_family(books)
        limits = limits_of(books)
        spend(books, limits, "ses_a", 1, output=500)
        spend(books, limits, "ses_a", 1)
        assert limits.ledger("ses_a").output == 500


async def test_what_was_forgotten_of_many_sessions_is_found_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("oad.daemon.limits._REMEMBERED", 2)
    async with open_books(tmp_path) as books:
        limits = limits_of(books)
        for number in range(5):
            books.sessions.save(a_session(f"ses_{number}", limits=SessionLimits(steps=number + 1)), created=True)
        await books.journal.settled()
        for _ in range(2):
            assert [limits.of(f"ses_{number}").steps for number in range(5)] == [1, 2, 3, 4, 5]
