"""Sweeps of the data directory while sessions run: every few minutes, and whenever somebody asks for one."""

import sqlite3
import time
from typing import Final

import structlog
import trio

from oad.contract.errors import ApiError
from oad.contract.upkeep import SweepReport

from .audit.log import SERVICE
from .disk_use import DiskUse
from .leftovers import Leftover, Leftovers
from .operations.context import Services
from .operations.sessions import delete_tree
from .store_trouble import Trouble
from .sweep import Sweep

_log = structlog.get_logger("oad.upkeep")

_FIRST_S: Final = 60.0
_EVERY_S: Final = 600.0
_AT_ONCE: Final = 20  # renamings between two looks at what else is to be done


class Housekeeping:
    def __init__(self, services: Services) -> None:
        self._services = services

    async def run(self) -> None:
        await trio.sleep(_FIRST_S)
        while True:
            try:
                report = await self.sweep(dry=False, thorough=False)
            except (
                ApiError,
                sqlite3.Error,
                OSError,
            ) as error:  # the next turn comes; nothing but room is lost meanwhile
                _log.error("the data directory can't be swept", error=str(error))
            else:
                removed = {each.kind: each.bytes for each in report.removed if each.items and each.kind != "pages"}
                if removed or report.left:
                    _log.info("swept", removed=removed, left=report.left[:20])
            await trio.sleep(_EVERY_S)

    async def sweep(self, *, dry: bool, thorough: bool) -> SweepReport:
        """``thorough``: gives back all free pages. Raises ApiError 507, sqlite3.Error, OSError."""
        services, settings = self._services, self._services.store_upkeep.settings
        async with services.store_upkeep.one:
            sweep = Sweep(settings.data, settings.policy, services.store, settings.log_file, dry=dry)
            if not dry and services.journal.failing is not None and (trouble := await self._make_way(sweep)):
                sweep.tally.left.append(f"what the store has: {trouble.message}")
                return sweep.tally.report(dry=False)
            await self._expire_sessions(sweep)
            if dry:
                await trio.to_thread.run_sync(sweep.count_events)
            else:
                gone = await services.store_upkeep.forget_events()
                sweep.tally.add("events", DiskUse(gone.events, gone.bytes))
            await self._clear_leftovers(sweep)
            await trio.to_thread.run_sync(sweep.count_pages)
            if not dry:
                await services.store_upkeep.give_back(thorough=thorough)
        return sweep.tally.report(dry=dry)

    async def _make_way(self, sweep: Sweep) -> Trouble | None:
        """What nothing must be written for goes first, and may give room for the rest. Returns why it does not."""
        await trio.to_thread.run_sync(sweep.clear_plain_files)
        await self._services.storage.make_way(freed=True)
        return self._services.journal.failing

    async def _expire_sessions(self, sweep: Sweep) -> None:
        services = self._services
        for top in await trio.to_thread.run_sync(sweep.expired_sessions):
            tree = await trio.to_thread.run_sync(sweep.tree_of, top)
            if any(self._is_used(session) for session in tree) or not services.sessions.exists(top):
                continue
            for session in tree:
                await trio.to_thread.run_sync(sweep.count_session, session)
            if not sweep.dry:
                services.audit.note("session.expired", SERVICE, top)
                await delete_tree(services, services.sessions.find(top))
                await services.journal.settled()

    def _is_used(self, session: str) -> bool:
        return self._services.turns.busy(session) or self._services.supervisor.find("session", session) is not None

    async def _clear_leftovers(self, sweep: Sweep) -> None:
        listing = await trio.to_thread.run_sync(sweep.leftovers.look)
        if sweep.dry:
            await self._services.journal.caught_up()
        else:
            await self._services.journal.settled()  # only now: whoever is in the listing is then known, or gone
        sessions = await trio.to_thread.run_sync(self._services.store.session_times)
        found = await trio.to_thread.run_sync(sweep.leftovers.choose, listing, sessions, time.time())
        used = self._used_names()
        found = [each for each in found if each.name not in used]
        for kind, use in (await trio.to_thread.run_sync(sweep.leftovers.measure, found)).items():
            sweep.tally.add(kind, use)
        await trio.to_thread.run_sync(sweep.clear_files, listing, sessions)
        if not sweep.dry:
            await self._set_aside(sweep.leftovers, found)
            sweep.tally.left += await trio.to_thread.run_sync(sweep.leftovers.remove_aside)

    async def _set_aside(self, leftovers: Leftovers, found: list[Leftover]) -> None:
        for start in range(0, len(found), _AT_ONCE):
            used = self._used_names()  # no worker can begin between this look and the renaming
            for each in found[start : start + _AT_ONCE]:
                if each.name not in used:
                    leftovers.set_aside(each)
            await trio.lowlevel.checkpoint()

    def _used_names(self) -> set[str]:
        """Of the directories that living workers have."""
        specs = [worker.spec for worker in self._services.supervisor.live()]
        places = [spec.scratch for spec in specs] + [spec.snapshots.directory for spec in specs]
        return {place.rpartition("/")[2] for place in places if place}
