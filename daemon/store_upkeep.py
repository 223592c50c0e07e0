"""What the daemon does all the time so that its disk stays bounded: old events go, free room is given back.

All of it in short steps on another thread, between which the journal writes.
"""

import sqlite3
from typing import Final

import structlog
import trio

from . import store_room
from .event_log import Forgotten
from .settings import DaemonSettings
from .store import Store

_log = structlog.get_logger("oad.upkeep")

_EVERY_S: Final = 20.0


class StoreUpkeep:
    """``one`` is held by whoever sweeps the whole data directory."""

    def __init__(self, settings: DaemonSettings, store: Store) -> None:
        self.settings = settings
        self.one = trio.Lock()
        self._store = store
        self._wake = trio.Event()

    async def run(self) -> None:
        while True:
            try:
                await self._tidy()
            except (sqlite3.Error, OSError) as error:  # the next turn comes; nothing but room is lost meanwhile
                _log.error("the store can't be tidied up", error=str(error))
            with trio.move_on_after(_EVERY_S):
                await self._wake.wait()

    def soon(self) -> None:
        """A session was deleted: what it took is to be free at once."""
        self._wake.set()

    async def _tidy(self) -> None:
        thorough = self._wake.is_set()
        self._wake = trio.Event()
        gone = await self.forget_events()
        if gone.events:
            _log.info("old events were forgotten", events=gone.events, bytes=gone.bytes)
        await self.give_back(thorough=thorough)

    async def forget_events(self) -> Forgotten:
        """As many as are too many or too old."""
        gone = Forgotten()
        through = await trio.to_thread.run_sync(store_room.find_excess, self._store, self.settings.policy.storage)
        while through and (some := await trio.to_thread.run_sync(store_room.forget_some, self._store, through)).events:
            gone += some
        return gone

    async def give_back(self, *, thorough: bool = False) -> None:
        """Free pages go back to the file system when they are many, ``thorough``: whenever there are any."""
        store = self._store
        more = thorough or await trio.to_thread.run_sync(store_room.has_too_many_pages, store)
        while more:
            more = await trio.to_thread.run_sync(store_room.give_back_some, store)
        if thorough or store_room.is_wal_long(store):
            await trio.to_thread.run_sync(store_room.empty_wal, store)
