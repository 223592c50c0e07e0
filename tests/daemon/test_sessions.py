from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest
from books import open_books
from records import a_session

from oad.contract.errors import ApiError
from oad.contract.session import CacheTokens, Tokens
from oad.daemon.projection import Recorded
from oad.daemon.sessions import SessionPatched, Usage

TOKENS = Tokens(input=1, output=2, reasoning=3, cache=CacheTokens(read=4, write=5))


async def test_a_change_is_seen_at_once_and_stored_later(tmp_path: Path) -> None:
    async with open_books(tmp_path) as books:
        books.sessions.save(a_session(), created=True)
        assert books.sessions.find("ses_a").title == "t"
        assert books.store.session("ses_a") is None
        await books.journal.settled()
        assert books.store.session("ses_a") is not None


async def test_an_unknown_session_is_not_found(tmp_path: Path) -> None:
    async with open_books(tmp_path) as books:
        with pytest.raises(ApiError) as failure:
            books.sessions.find("ses_x")
        assert failure.value.status == 404
        assert failure.value.body == {"name": "NotFoundError", "data": {"message": "Session not found: ses_x"}}


async def test_a_deleted_session_is_gone_at_once_and_stays_so(tmp_path: Path) -> None:
    async with open_books(tmp_path) as books:
        session = books.sessions.save(a_session(), created=True)
        books.sessions.delete(session)
        assert not books.sessions.exists("ses_a")
        await books.journal.settled()
        assert books.store.session("ses_a") is None
        assert books.types() == ["session.created", "session.deleted"]


async def test_a_worker_changes_what_is_its_business(tmp_path: Path) -> None:
    async with open_books(tmp_path) as books:
        books.sessions.save(a_session(), created=True)
        patch = {"title": msgspec.Raw(b'"new"'), "directory": msgspec.Raw(b'"/etc"'), "id": msgspec.Raw(b'"ses_b"')}
        changed = SessionPatched(session_id="ses_a", patch=patch, usage=Usage(0.5, TOKENS), touch=True)
        books.sessions.merge(changed, 99)
        merged = books.sessions.merge(changed, 100)
        assert (merged.id, merged.title, merged.directory) == ("ses_a", "new", "/p")
        assert (merged.cost, merged.tokens and merged.tokens.output, merged.time.updated) == (1.0, 4, 100)


async def test_a_null_takes_a_field_away(tmp_path: Path) -> None:
    async with open_books(tmp_path) as books:
        books.sessions.save(a_session(agent="plan"), created=True)
        merged = books.sessions.merge(SessionPatched("ses_a", {"agent": msgspec.Raw(b"null")}), 1)
        assert merged.agent is None


async def test_a_wrong_patch_is_refused(tmp_path: Path) -> None:
    async with open_books(tmp_path) as books:
        books.sessions.save(a_session(), created=True)
        with pytest.raises(msgspec.ValidationError):
            books.sessions.merge(SessionPatched("ses_a", {"title": msgspec.Raw(b"5")}), 1)


async def test_the_cache_is_bounded_but_never_ahead_of_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("oad.daemon.sessions._CACHED", 3)
    async with open_books(tmp_path) as books:
        for number in range(10):
            books.sessions.save(a_session(f"ses_{number}", title=str(number)), created=True)
        assert [books.sessions.find(f"ses_{n}").title for n in range(10)] == [str(n) for n in range(10)]
        await books.journal.settled()
        books.sessions.save(a_session("ses_10"), created=True)
        assert len(books.sessions._cache) == 3
        assert books.sessions.find("ses_0").title == "0"


async def test_nothing_is_kept_of_deleted_sessions(tmp_path: Path) -> None:
    async with open_books(tmp_path) as books:
        for number in range(20):
            session = books.sessions.save(a_session(f"ses_{number}"), created=True)
            await books.journal.settled()
            books.sessions.delete(session)
            assert not books.sessions.exists(session.id)
        await books.journal.settled()
        assert len(books.sessions._cache) == 0
        assert not any(books.sessions.exists(f"ses_{number}") for number in range(20))


async def test_one_that_was_made_again_stays_known(tmp_path: Path) -> None:
    async with open_books(tmp_path) as books:
        books.sessions.delete(books.sessions.save(a_session(), created=True))
        books.sessions.save(a_session(title="again"), created=True)
        await books.journal.settled()
        assert books.sessions._cache["ses_a"][0] is books.sessions.find("ses_a")


async def test_an_accepted_prompt_is_on_disk_before_it_is_answered(tmp_path: Path) -> None:
    async with open_books(tmp_path) as books:
        waited: list[bool] = []
        commit = books.store.commit

        def watch(events: Sequence[Recorded], *, full: bool) -> None:
            waited.append(full)
            commit(events, full=full)

        books.store.commit = watch  # type: ignore[method-assign]
        books.sessions.save(a_session(), created=True)
        await books.journal.settled()
        books.sessions.merge(SessionPatched(session_id="ses_a", accepted=True), 1)
        await books.journal.settled()
        books.sessions.merge(SessionPatched(session_id="ses_a", touch=True), 2)
        await books.journal.settled()
        assert waited == [False, True, False]
