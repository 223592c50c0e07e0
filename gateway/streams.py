"""The open event streams of this gateway: writing, heartbeats, replay, and the wait until they are flushed."""

import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Final

import trio
from trio.lowlevel import ParkingLot

from oad.contract.replay import ReplayPage

from .fanout import Fanout, Selection, Subscriber
from .happening import Happening, incomplete, own, replayed
from .position import Position

HEARTBEAT_S: Final = 10.0
COALESCE_S: Final = 0.005  # invisible beside the cadence of tokens; a write costs 40 us however much it carries
FLUSH_S: Final = 0.5

_log = logging.getLogger("oad.gateway")

Write = Callable[[bytes], Awaitable[None]]
FetchPage = Callable[[int, str | None, str], Awaitable[ReplayPage]]
"""``await fetch(after, directory, mark)``: journalled events above that number, of one directory or (None) of all.
``mark``: of the event that was seen last, if it is to be known whether it was one of this journal."""


class Stream:
    """One client's stream. ``run`` writes to it until the client is gone, the stream ends or is cut."""

    def __init__(self, selection: Selection, fanout: Fanout, write: Write) -> None:
        self.subscriber = Subscriber(selection, self._wake)
        self.slow = False  # failed to flush in time once; nobody waits for it until it has caught up
        self._selection = selection
        self._fanout = fanout
        self._write = write
        self._woken = trio.Event()
        self._hurried = trio.Event()
        self._progress = ParkingLot()

    def _wake(self) -> None:
        self._woken.set()

    async def run(self, position: Position | None, fetch: FetchPage) -> bool:
        """Returns true when the stream is at its end, false when it must be cut so that the client comes back."""
        start, joined_at = trio.current_time(), self._fanout.last_seq
        # The delay before reconnecting that clients should use, in milliseconds, goes ahead of everything.
        await self._write(b"retry: 500\n" + self._own("server.connected"))
        if position is not None:
            await self._replay(position, joined_at, fetch)
        next_beat = start + HEARTBEAT_S
        while not self.subscriber.lagging:
            if self.subscriber:
                await self._drain()
            elif self.subscriber.ending:
                return True
            elif trio.current_time() >= next_beat:
                await self._write(self._own("server.heartbeat"))
                next_beat += HEARTBEAT_S
            else:
                await self._sleep_until(next_beat)
        return False

    def _own(self, type: str) -> bytes:
        return self._selection.frame(own(type))

    async def _sleep_until(self, deadline: float) -> None:
        self._woken = trio.Event()
        with trio.move_on_at(deadline):
            await self._woken.wait()

    async def _drain(self) -> None:
        """Writes what is queued, then holds back shortly, so that a busy stream is written in larger pieces."""
        self.slow = False
        while self.subscriber and not self.subscriber.lagging:
            if data := self.subscriber.take():
                await self._write(data)
            self.subscriber.wrote()
            self._progress.unpark_all()
        self._hurried = trio.Event()
        with trio.move_on_after(COALESCE_S):
            await self._hurried.wait()

    async def _replay(self, position: Position, until: int, fetch: FetchPage) -> None:
        """Durable events after the position, up to those which the queue has held since the stream was opened: fetching
        more would put an event ahead of the volatile ones that came before it."""
        after, mark, more = position.after, position.mark, True
        while more:
            page = await fetch(after, self._selection.directory, mark)
            if not until:  # the queue began before the gateway knew where the journal ends; it does now
                until = self._fanout.last_seq
            if position.half:
                until = max(until, position.after + 1)
            if not page.complete:
                await self._write(self._incomplete(page, position))
            if not page.known:
                return
            missed = [replayed(row) for row in page.events if row.seq <= until]
            if frames := [self._replayed(each, position) for each in missed if self._selection.admits(each)]:
                await self._write(b"".join(frames))
            more, after, mark = page.more and page.last < until, page.last, ""
        self.subscriber.seen = max(position.after, min(after, until))

    def _replayed(self, happening: Happening, position: Position) -> bytes:
        if position.half and self._selection.directory is None and happening.seq == position.after + 1:
            return happening.second()
        return self._selection.frame(happening)

    def _incomplete(self, page: ReplayPage, position: Position) -> bytes:
        """With the newest event's id if the client's own is useless: when it comes back it is not told again."""
        frame = self._selection.frame(incomplete(page, position.text))
        return b"id: %b\n" % page.mark.encode() + frame if page.mark else frame

    async def progress(self) -> None:
        """Makes the stream write now what it holds back, and waits until it has written something or has ended."""
        self._hurried.set()
        await self._progress.park()

    def end_waits(self) -> None:
        self._progress.unpark_all()


class Streams:
    """All of them. ``cut``: how many have ended because their readers were too slow."""

    def __init__(self, fetch: FetchPage) -> None:
        self.fanout = Fanout(self._note_cut)
        self.cut = 0
        self._fetch = fetch
        self._open: set[Stream] = set()
        self.changed = trio.Event()  # set and replaced whenever a stream is opened or has ended

    def __len__(self) -> int:
        return len(self._open)

    def by_directory(self) -> dict[str, int]:
        """How many are open; under "" those of all directories."""
        return dict(Counter(stream.subscriber.selection.directory or "" for stream in self._open))

    def _note_cut(self, subscriber: Subscriber) -> None:
        """The connection itself ends when its reader goes on, or with TCP's patience."""
        self.cut += 1
        _log.warning("an event stream is cut off, its reader is too slow: %s", subscriber.selection.directory or "all")
        self._note_change()

    def _note_change(self) -> None:
        self.changed.set()
        self.changed = trio.Event()

    async def serve(self, selection: Selection, position: Position | None, write: Write) -> bool:
        """Carries events to ``write`` as Stream.run says."""
        stream = Stream(selection, self.fanout, write)
        self._open.add(stream)
        self._note_change()
        self.fanout.add(stream.subscriber)
        try:
            return await stream.run(position, self._fetch)
        finally:
            self.fanout.discard(stream.subscriber)
            self._open.discard(stream)
            self._note_change()
            stream.end_waits()

    async def flushed(self, position: int) -> None:
        """Waits until all streams that keep up have written what was published up to ``position``; at most 0.5 s."""
        behind = [s for s in self._open if not s.slow and not s.subscriber.has_written(position)]
        if not behind:
            return
        with trio.move_on_after(FLUSH_S):
            async with trio.open_nursery() as nursery:
                for stream in behind:
                    nursery.start_soon(self._flush, stream, position)
        for stream in behind:
            stream.slow = not stream.subscriber.has_written(position)

    async def _flush(self, stream: Stream, position: int) -> None:
        while stream in self._open and not stream.subscriber.has_written(position):
            await stream.progress()
