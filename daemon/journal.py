"""The order of everything: events and answers leave the daemon in the sequence in which they were appended here.

Journal first, then publish. Whatever happens is appended to one queue; a single task takes what has gathered, has the
writer thread commit the durable events of the batch in one transaction, and only then hands each entry on. So no client
ever sees an event that a crash could take back, and an answer never overtakes the events that led to it.
"""

import itertools
import sqlite3
import time
from collections import Counter, deque
from collections.abc import Callable
from typing import Any, Final, Protocol

import msgspec
import structlog
import trio

from oad.contract.ids import new_id

from .projection import Recorded
from .store import Store
from .store_trouble import Trouble, diagnose
from .telemetry.histogram import SHORT_S, Histogram

_log = structlog.get_logger("oad.journal")

INTERNAL_PREFIX: Final = "oad."  # journalled and projected, but no client's business
HIGH_WATER: Final = 4096  # entries; beyond it producers that can wait do wait
_BATCH: Final = 512
_GATHER_S: Final = 0.002  # for what follows closely: a transaction costs as much as several events
_RETRY_S: Final = (0.05, 0.2, 0.5, 1.0)
_SURE: Final = 2  # failures in a row after which nobody who can do without is kept waiting
_AGGREGATES: Final = 1024  # sessions whose last number is remembered
_REPEAT_S: Final = 60.0  # between two log lines about the same trouble

_raw_encoder: Final = msgspec.json.Encoder()


class Published(msgspec.Struct, frozen=True):
    """What goes to the gateways: both numbers are 0 for volatile events; ``body`` is the whole event."""

    seq: int
    aggregate_seq: int
    id: str
    type: str
    directory: str
    project: str
    session: str
    body: bytes

    def head(self) -> dict[str, Any]:
        """All but the body, as frames and pages that carry the event have it."""
        fields = msgspec.structs.asdict(self)
        del fields["body"]
        return fields


class Place(msgspec.Struct, frozen=True):
    """Where an event belongs; all empty for the server's own."""

    directory: str = ""
    project: str = ""
    session: str = ""


class Sink(Protocol):
    """``flush`` follows in the same step, when all that was to be published has been."""

    def publish(self, event: Published) -> None: ...
    def flush(self) -> None: ...


class _Durable(msgspec.Struct, frozen=True):
    record: Recorded
    full: bool


class _Waiting(msgspec.Struct):
    """``instead`` is called when the store can't be written, and then ``action`` no more."""

    action: "Action"
    instead: "Action"
    over: bool = False


Action = Callable[[], None]
Observer = Callable[[str, bytes, str], None]
_Entry = _Durable | Published | _Waiting | Action


def _ignore(type: str, properties: bytes, session: str) -> None:
    """Nobody observes."""


class Journal:
    """``failing`` tells what is wrong while the store can't be written: nothing is published meanwhile, and nothing
    that was appended is given up; it is tried again, in its order, until it is written. ``failures`` counts such times.
    ``committed_seq`` is the number of the newest event that a read can see."""

    def __init__(self, store: Store, sink: Sink) -> None:
        self._store = store
        self._sink = sink
        self._queue: deque[_Entry] = deque()
        self._wake = trio.Event()
        self._urgent = trio.Event()
        self._room = trio.Event()
        self._seq = store.last_seq()
        self.committed_seq = self._seq
        self._aggregates: dict[str, int] = {}
        self.commit_s = Histogram(SHORT_S)
        self.events: Counter[bool] = Counter()  # how many, by whether they are kept
        self.bytes: Counter[bool] = Counter()  # the same of their properties
        self.failing: Trouble | None = None
        self.failures = 0
        self._sure = False
        self.observe: Observer = _ignore  # hears of every event as it is appended; must not raise

    @property
    def waiting(self) -> int:
        """How much waits to be committed and handed on."""
        return len(self._queue)

    @property
    def last_seq(self) -> int:
        """The number of the newest event, committed or about to be."""
        return self._seq

    def append(
        self, type: str, properties: Any, place: Place, *, durable: bool = True, full: bool = False, id: str = ""
    ) -> None:
        """Queues an event. ``properties``: JSON bytes or what msgspec encodes. ``full``: on disk before it is seen.
        ``id``: of one that another server has made."""
        encoded = properties if isinstance(properties, bytes) else _raw_encoder.encode(properties)
        self.events[durable] += 1
        self.bytes[durable] += len(encoded)
        self.observe(type, encoded, place.session)
        self._push(self._record(type, encoded, place, full, id) if durable else _volatile(type, encoded, place))

    def then(self, action: Action, instead: Action | None = None) -> None:
        """Calls ``action`` once everything appended so far is committed and handed on; or ``instead``, if there is one,
        as soon as it is clear that it can't be for now. Neither must raise."""
        if instead is None:
            self._push(action)
        elif self._sure:
            instead()
        else:
            self._push(_Waiting(action, instead))

    async def settled(self) -> None:
        """Waits until everything appended so far is committed: reads then see it. Raises ApiError 507 when that can't
        be for now; it may be later."""
        trouble = await self.caught_up()
        if trouble is not None:
            raise trouble.refusal()

    async def caught_up(self) -> Trouble | None:
        """As ``settled``, for those who can do without what is not committed: returns why it is not."""
        done = trio.Event()
        found: list[Trouble | None] = []

        def give_up() -> None:
            found.append(self.failing)
            done.set()

        self.then(done.set, give_up)
        await done.wait()
        return found[0] if found else None

    def announce(self, type: str, properties: Any, place: Place) -> None:
        """Publishes an event at once, before what still waits to be written: only of troubles with just that, and for
        gateways alone."""
        self._sink.publish(_volatile(type, _raw_encoder.encode(properties), place))
        self._sink.flush()

    async def room(self) -> None:
        """Waits while too much is queued."""
        while len(self._queue) > HIGH_WATER:
            await self._room.wait()

    def forget(self, session: str) -> None:
        """Frees what is remembered of a deleted session."""
        self._aggregates.pop(session, None)

    async def run(self) -> None:
        """The one task that takes from the queue; on cancellation it first writes what is there."""
        try:
            while True:
                await self._wake.wait()
                with trio.move_on_after(_GATHER_S):
                    await self._urgent.wait()
                await self._drain()
        finally:
            with trio.CancelScope(shield=True, deadline=trio.current_time() + 5):
                await self._drain()

    async def _drain(self) -> None:
        while self._queue:
            # Entries stay queued until they are committed: a cancellation here must leave them to the last drain.
            batch = list(itertools.islice(self._queue, _BATCH))
            await self._commit([entry for entry in batch if isinstance(entry, _Durable)])
            for _ in batch:
                self._hand_on(self._queue.popleft())
            self._sink.flush()
            self._room.set()
            self._room = trio.Event()
        self._wake = trio.Event()
        self._urgent = trio.Event()
        if len(self._aggregates) > _AGGREGATES:
            self._aggregates.clear()  # the database knows them all now

    async def _commit(self, entries: list[_Durable]) -> None:
        if not entries:
            return
        records = [entry.record for entry in entries]
        full = any(entry.full for entry in entries)
        began = told = trio.current_time()
        for attempt in itertools.count(1):
            try:
                await self._write(records, full=full)
                break
            except sqlite3.Error as error:  # a full or broken disk: hold everything back until it is mended
                told = self._note_failure(error, attempt, told)
                await trio.sleep(_RETRY_S[min(attempt, len(_RETRY_S)) - 1])
        if self.failing is not None:
            _log.warning("the journal is written again", after_s=round(trio.current_time() - began, 1))
        self.failing, self._sure = None, False
        self.committed_seq = records[-1].seq

    def _note_failure(self, error: sqlite3.Error, attempt: int, told: float) -> float:
        """Returns when the log heard of it last."""
        now = trio.current_time()
        self.failures += attempt == 1
        self.failing = diagnose(error, self._store.path)
        if attempt == 1 or now - told >= _REPEAT_S:
            told = now
            _log.error(
                "the journal can't be written", error=str(error), reason=self.failing.reason, waiting=len(self._queue)
            )
        if attempt >= _SURE:
            self._sure = True
            for entry in list(self._queue):
                if isinstance(entry, _Waiting) and not entry.over:
                    entry.over = True
                    entry.instead()
        return told

    async def _write(self, records: list[Recorded], *, full: bool) -> None:
        # The thread can't be stopped: a cancellation between its end and ours would have the batch written twice.
        await trio.lowlevel.checkpoint_if_cancelled()
        with trio.CancelScope(shield=True):
            self.commit_s.observe(await trio.to_thread.run_sync(_timed, lambda: self._store.commit(records, full=full)))

    def _push(self, entry: _Entry) -> None:
        self._queue.append(entry)
        self._wake.set()
        if not isinstance(entry, _Durable):
            self._urgent.set()

    def _record(self, type: str, encoded: bytes, place: Place, full: bool, id: str) -> _Durable:
        self._seq += 1
        return _Durable(
            Recorded(
                seq=self._seq,
                id=id or new_id("evt"),
                type=type,
                directory=place.directory,
                project=place.project,
                session=place.session,
                aggregate_seq=self._next_aggregate(place.session),
                properties=encoded,
            ),
            full,
        )

    def _next_aggregate(self, session: str) -> int:
        if not session:
            return 0
        known = self._aggregates.get(session)
        number = (self._store.aggregate_seq(session) if known is None else known) + 1
        self._aggregates[session] = number
        return number

    def _hand_on(self, entry: _Entry) -> None:
        if isinstance(entry, _Durable):
            if not entry.record.type.startswith(INTERNAL_PREFIX):
                self._sink.publish(as_published(entry.record))
        elif isinstance(entry, Published):
            self._sink.publish(entry)
        elif isinstance(entry, _Waiting):
            if not entry.over:
                entry.action()
        else:
            entry()


def _timed(act: Action) -> float:
    """How many seconds it took."""
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def as_published(record: Recorded) -> Published:
    """A journalled event in the form that goes to gateways, now or at a replay."""
    return Published(
        seq=record.seq,
        aggregate_seq=record.aggregate_seq,
        id=record.id,
        type=record.type,
        directory=record.directory,
        project=record.project,
        session=record.session,
        body=_envelope(record.id, record.type, record.properties),
    )


def _volatile(type: str, encoded: bytes, place: Place) -> Published:
    id = new_id("evt")
    return Published(
        seq=0,
        aggregate_seq=0,
        id=id,
        type=type,
        directory=place.directory,
        project=place.project,
        session=place.session,
        body=_envelope(id, type, encoded),
    )


def _envelope(id: str, type: str, properties: bytes) -> bytes:
    # Ids and types are our own and need no escaping; the properties stay the bytes they are.
    return b'{"id":"%b","type":"%b","properties":%b}' % (id.encode(), type.encode(), properties)
