"""Journalled events for clients that were away, and whether they are all."""

from typing import Final

import msgspec
import trio

from oad.contract.errors import bad_request
from oad.contract.replay import ReplayedEvent, ReplayPage, encode_page, mark_of
from oad.link import Answer

from ..journal import INTERNAL_PREFIX, as_published
from ..projection import Recorded
from ..store import Store
from .context import Operation, Request

_PAGE: Final = 500
_PAGE_BYTES: Final = 512 * 1024  # a gateway holds a page, in several forms, for every client that is behind


async def replay_events(request: Request) -> Answer:
    """A ReplayPage, see oad.contract.replay."""
    store, journal = request.services.store, request.services.journal
    await journal.caught_up()
    after, mark = _number(request.params["after"]), request.params.get("mark", "")
    # Read first: what is committed or forgotten meanwhile must not be claimed to be in the page.
    committed = journal.committed_seq
    only = request.params.get("onlyDirectory")
    page = await trio.to_thread.run_sync(_read, store, after, committed, only)
    if not 0 <= after <= journal.last_seq or not _is_of(store, mark, journal.last_seq):
        newest = mark_of(committed, store.event_id(committed) or "")
        page = ReplayPage([], committed, complete=False, known=False, first=page.first, mark=newest)
    return Answer(encode_page(page))


def _read(store: Store, after: int, committed: int, directory: str | None) -> ReplayPage:
    records, more = store.events_page(after, _PAGE, _PAGE_BYTES, directory)
    horizon = store.horizon()
    return ReplayPage(
        events=[_replayed(record) for record in records if not record.type.startswith(INTERNAL_PREFIX)],
        last=records[-1].seq if more else max(committed, records[-1].seq if records else after),
        more=more,
        complete=horizon <= after,
        first=horizon + 1,
    )


def _is_of(store: Store, mark: str, newest: int) -> bool:
    """Whether an event with this mark may have been in this journal; of one that is gone nobody can tell."""
    number = mark.partition("-")[0]
    if not number.isdecimal():
        return not mark
    seq = int(number[:20])
    if seq > newest:
        return False
    id = store.event_id(seq)
    return id is None or mark_of(seq, id) == mark


def _number(text: str) -> int:
    try:
        return min(int(text[:20]), 2**62)
    except ValueError as error:
        raise bad_request(f"Expected an integer, got {text[:20]}", "Query") from error


def _replayed(record: Recorded) -> ReplayedEvent:
    event = as_published(record)
    return ReplayedEvent(**event.head(), event=msgspec.Raw(event.body))


REPLAY: Final[dict[str, Operation]] = {"event.replay": replay_events}
