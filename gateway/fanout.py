"""Who gets which event: bounded queues of encoded frames, one per open stream. Pure; ``sse`` does the writing.

A reader that falls behind loses volatile events first. When its durable ones alone are too many its stream is cut: it
comes back with the number of the last event it saw and misses nothing. Nothing durable is ever skipped silently.
"""

from collections import deque
from collections.abc import Callable, Iterator
from typing import Final

import msgspec

from oad.contract.replay import INCOMPLETE

from .happening import ALL_DISPOSED, DISPOSED, RELOADED, STREAMS_END, Happening, own

MAX_FRAMES: Final = 1024
MAX_BYTES: Final = 8 * 1024 * 1024  # of more than one frame; streams that carry the same share its bytes
_INTERNAL: Final = frozenset({STREAMS_END, RELOADED})
_WRITE_BYTES: Final = 256 * 1024  # at most so much goes into one write, so that a flush is noticed early


class Selection(msgspec.Struct, frozen=True):
    """What a stream carries: everything of one directory, or of all (None), perhaps some types only."""

    directory: str | None
    types: frozenset[str] = frozenset()

    def admits(self, happening: Happening) -> bool:
        if happening.type in _INTERNAL or (self.directory is not None and happening.directory != self.directory):
            return False
        return not self.types or happening.type in self.types or happening.type == INCOMPLETE

    def frame(self, happening: Happening) -> bytes:
        return happening.wrapped() if self.directory is None else happening.plain()

    def localised(self, happening: Happening) -> Happening:
        """The end of all instances is, on the stream of one directory, the end of that directory's. What this stream
        can't be told concerns it, whatever its directory."""
        if self.directory is None or happening.type not in (ALL_DISPOSED, INCOMPLETE):
            return happening
        if happening.type == INCOMPLETE:
            return Happening(happening.body, type=INCOMPLETE, directory=self.directory)
        return own(DISPOSED, {"directory": self.directory}, directory=self.directory)

    def ends_with(self, happening: Happening) -> bool:
        """Clients of one directory expect their stream to end with its instance, and come back for a fresh one; a
        change that is only told to them ends nothing."""
        return (
            happening.type == STREAMS_END and self.directory is not None and happening.directory in ("", self.directory)
        )


class _Queued(msgspec.Struct, frozen=True):
    position: int
    frame: bytes
    seq: int


class Subscriber:
    """One stream's queue. ``wake`` is called when there is something to write or the stream shall end."""

    def __init__(self, selection: Selection, wake: Callable[[], None], max_frames: int = MAX_FRAMES) -> None:
        self.selection = selection
        self.ending = False  # after what is queued the stream ends
        self.lagging = False  # the reader is too far behind: the stream is cut
        self.seen = 0  # durable events up to this number the client has: from another gateway, or from a replay
        self._wake = wake
        self._max_frames = max_frames
        self._queue: deque[_Queued] = deque()
        self._bytes = 0
        self._crowded = False  # there was no room once: volatile events have to wait until everything is taken
        self._in_flight = 0  # position of the first frame that was taken and is not written yet; 0: none

    def offer(self, happening: Happening, position: int) -> None:
        if self.ending or self.lagging:
            return
        happening = self.selection.localised(happening)
        if self.selection.admits(happening) and (happening.seq or not self._crowded):
            frame = self.selection.frame(happening)
            self._queue.append(_Queued(position, frame, happening.seq))
            self._bytes += len(frame)
            self._hold_limits()
            self._wake()
        if self.selection.ends_with(happening):
            self.ending = True
            self._wake()

    def _hold_limits(self) -> None:
        if not self._is_too_full():
            return
        self._crowded = True
        self._queue = deque(queued for queued in self._queue if queued.seq)
        self._bytes = sum(len(queued.frame) for queued in self._queue)
        if self._is_too_full():
            self.lagging = True
            self._queue.clear()
            self._bytes = 0

    def _is_too_full(self) -> bool:
        return len(self._queue) > self._max_frames or (self._bytes > MAX_BYTES and len(self._queue) > 1)

    def __bool__(self) -> bool:
        return bool(self._queue)

    @property
    def waiting(self) -> int:
        return len(self._queue)

    def take(self) -> bytes:
        """The next frames, joined, perhaps none; they count as unwritten until ``wrote``."""
        frames: list[bytes] = []
        size = 0
        self._in_flight = self._queue[0].position
        while self._queue and size < _WRITE_BYTES:
            queued = self._queue.popleft()
            self._bytes -= len(queued.frame)
            if queued.seq == 0 or queued.seq > self.seen:
                frames.append(queued.frame)
                size += len(queued.frame)
        self._crowded = self._crowded and bool(self._queue)
        return b"".join(frames)

    def wrote(self) -> None:
        self._in_flight = 0

    def has_written(self, position: int) -> bool:
        """Whether everything up to ``position`` that this stream carries is with the client's socket."""
        if self._in_flight and self._in_flight <= position:
            return False
        return not self._queue or self._queue[0].position > position


class Fanout:
    """All open streams. ``position`` counts published events, ``last_seq`` is the newest durable one's number,
    ``last_mark`` what clients call it, "" before there was one."""

    def __init__(self, on_cut: Callable[[Subscriber], None] = lambda _: None) -> None:
        self._on_cut = on_cut
        self.position = 0
        self.last_seq = 0
        self.last_mark = ""
        self._subscribers: set[Subscriber] = set()

    def __iter__(self) -> Iterator[Subscriber]:
        return iter(tuple(self._subscribers))

    def __len__(self) -> int:
        return len(self._subscribers)

    def add(self, subscriber: Subscriber) -> None:
        self._subscribers.add(subscriber)

    def discard(self, subscriber: Subscriber) -> None:
        self._subscribers.discard(subscriber)

    def publish(self, happening: Happening, position: int = 0) -> None:
        """Hands the event to every stream. A durable one that was published before only advances ``position``, which
        the caller may set further ahead: for what was dropped on the way here."""
        self.position = max(self.position + 1, position)
        if happening.seq:
            if happening.seq <= self.last_seq:
                return
            self.last_seq, self.last_mark = happening.seq, happening.mark()
        for subscriber in tuple(self._subscribers):
            subscriber.offer(happening, self.position)
            if subscriber.lagging:
                self._subscribers.discard(subscriber)
                self._on_cut(subscriber)
