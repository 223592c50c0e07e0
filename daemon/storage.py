"""Whether there is room to store what clients want, and what happens when there is none.

A reserve of free space is kept for what runs already: below it new prompts are refused. When the journal can't be
written at all, everything that would have to be stored is refused, and running turns are ended with the reason; what
they had said stays in the journal's queue and is written once that is possible again. Reads go on.
"""

import contextlib
from pathlib import Path
from typing import Any, Final

import msgspec
import structlog
import trio

from oad.contract.limits import LimitHit
from oad.contract.message import NamedError
from oad.contract.wire import Call

from .ballast import Ballast
from .journal import Journal
from .relief import find_largest, remove
from .sessions import Sessions, place_of
from .settings import DaemonSettings
from .store import Store
from .store_room import empty_wal
from .store_trouble import Trouble, free_mb, of_system
from .supervisor import Supervisor
from .turns import Turns
from .worker import Worker

_log = structlog.get_logger("oad.storage")

_EVERY_S: Final = 1.0
_STOP_S: Final = 2.0  # for a worker to end its turn; then it is killed
_KILL_S: Final = 5.0
_ROOM_S: Final = 10.0  # for the journal to be written again once the ballast is gone
_LEAST_MB: Final = 1.0  # of temporary files, for it to be worth ending somebody
_READING: Final = frozenset({"GET", "HEAD"})
# What may be done although nothing can be recorded: to stop things, and to read by POST.
_FREE: Final = frozenset(
    {
        "session.abort",
        "job.stop",
        "pty.remove",
        "v2.pty.remove",
        "instance.dispose",
        "global.dispose",
        "app.log",
        "sync.history.list",
        "oad.sweep",
    }
)
_GIVES_ROOM: Final = frozenset({"session.delete", "oad.sweep"})


def needs_store(call: Call) -> bool:
    """Whether its answer is worth something only if what it has done was stored."""
    return call.origin is not None and call.origin.method not in _READING and call.op not in _FREE


class Storage:
    def __init__(
        self,
        settings: DaemonSettings,
        store: Store,
        journal: Journal,
        supervisor: Supervisor,
        sessions: Sessions,
        turns: Turns,
    ) -> None:
        self._settings = settings
        self._store = store
        self._journal = journal
        self._supervisor = supervisor
        self._sessions = sessions
        self._turns = turns
        self._low: Trouble | None = None
        self._ended: set[Worker] = set()  # whose turn is being ended
        self._ballast = Ballast(settings.data)
        self.free_mb: float | None = None

    @property
    def trouble(self) -> Trouble | None:
        """Why no prompt is taken."""
        return self._journal.failing or self._low

    def check(self) -> None:
        """For whatever has to be stored. Raises ApiError 507."""
        if (failing := self._journal.failing) is not None:
            raise failing.refusal()

    async def prepare(self, call: Call) -> None:
        """Before anything is written of a call, be it that it was made."""
        if call.op in _GIVES_ROOM and call.params.get("dryRun") != "true":
            await self.make_way()

    async def make_way(self, *, freed: bool = False) -> None:
        """For what frees room, but must write to do so: on a full disk the ballast goes, and if it did, or something
        else was ``freed``, what waits to be written is awaited for a while."""
        failing, free = self._journal.failing, free_mb(self._settings.data)
        is_full = failing is not None and failing.reason == "full"
        if not is_full and (free is None or free >= self._ballast.mb()):
            return
        with contextlib.suppress(OSError):
            if self._ballast.release():
                _log.warning("the ballast is given up, so that room can be made")
                freed = True
        if not freed:
            return
        await trio.to_thread.run_sync(empty_wal, self._store)
        written = trio.Event()
        self._journal.then(written.set)
        with trio.move_on_after(_ROOM_S):
            await written.wait()

    def explain(self, error: OSError) -> None:
        """Of an operation that failed with it. Raises ApiError 507 if a full or read-only disk is the reason."""
        if (trouble := of_system(error, self._settings.data)) is not None:
            raise trouble.refusal() from error

    def check_prompt(self) -> None:
        """For what would begin to work, and to write for as long as that takes. Raises ApiError 507."""
        self._look()
        if (trouble := self.trouble) is not None:
            raise trouble.refusal()

    async def run(self) -> None:
        async with trio.open_nursery() as nursery:
            while True:
                self._look()
                await self._keep_ballast()
                if self._is_short() and await self._relieve():
                    await trio.sleep(_EVERY_S)  # the journal tries again meanwhile
                elif (failing := self._journal.failing) is not None:
                    self._end_turns(failing, nursery)
                await trio.sleep(_EVERY_S)

    def _look(self) -> None:
        place, least = self._settings.data, self._settings.policy.storage.min_free_mb
        self.free_mb = free_mb(place)
        low = self.free_mb is not None and self.free_mb < least
        if low == (self._low is not None):
            return
        if self.free_mb is not None and low:
            self._low = Trouble("reserve", str(place), f"{self.free_mb:.0f} MB of {least} MB")
            _log.error("too little space is free: new prompts are refused", free_mb=round(self.free_mb), least_mb=least)
        else:
            self._low = None
            _log.warning("enough space is free again", least_mb=least)

    async def _keep_ballast(self) -> None:
        """There is as much as there shall be, if besides the reserve there is room for it."""
        policy, laid = self._settings.policy.storage, self._ballast.mb()
        room = laid + (self.free_mb or 0.0) - policy.min_free_mb
        if policy.ballast_mb == laid or room < policy.ballast_mb or self._journal.failing is not None:
            return
        try:
            if policy.ballast_mb:
                await trio.to_thread.run_sync(self._ballast.lay, policy.ballast_mb)
            else:
                self._ballast.release()
        except OSError as error:
            _log.warning("no ballast could be laid", error=str(error))

    # --- the one who has taken all room ---------------------------------------------------------------------------

    def _is_short(self) -> bool:
        """Half of the reserve has gone too."""
        failing = self._journal.failing
        return self._missing() > 0 or (failing is not None and failing.reason == "full")

    def _missing(self) -> float:
        """MB until half of the reserve is free again."""
        return 0.0 if self.free_mb is None else self._settings.policy.storage.min_free_mb / 2 - self.free_mb

    async def _relieve(self) -> bool:
        """Ends the session whose temporary files are the largest, if they are what is missing, and removes them."""
        heap = await trio.to_thread.run_sync(find_largest, self._settings.scratch)
        if heap is None or heap.bytes < max(self._missing(), _LEAST_MB) * (1 << 20):
            return False
        size = heap.bytes >> 20
        _log.error("temporary files take all room: their session is ended, they go", scratch=heap.name, mb=size)
        text = (
            f"Stopped: its temporary files ({size} MB) had filled the disk of {self._settings.data}, and were removed"
        )
        error = NamedError(name="StorageError", data={"message": text, "reason": "full"})
        for worker in self._supervisor.live():
            if Path(worker.spec.scratch).name == heap.name:
                worker.facts["verdict"] = error
                self._tell(worker, error)
                worker.kill()
                with trio.move_on_after(_KILL_S):
                    await worker.gone.wait()
        left = await trio.to_thread.run_sync(remove, self._settings.scratch, heap.name)
        if left:
            _log.warning("not all temporary files could be removed", scratch=heap.name, left=left[:20])
        return True

    # --- everybody ------------------------------------------------------------------------------------------------

    def _end_turns(self, trouble: Trouble, nursery: trio.Nursery) -> None:
        for worker in self._supervisor.live():
            name = worker.spec.name
            if worker.spec.kind == "session" and self._turns.busy(name) and worker not in self._ended:
                self._ended.add(worker)
                nursery.start_soon(self._end_turn, worker, trouble)

    async def _end_turn(self, worker: Worker, trouble: Trouble) -> None:
        error, name = trouble.of_turn(), worker.spec.name
        _log.warning("a turn is ended: what it does can't be stored", session=name, reason=trouble.reason)
        self._tell(worker, error)
        hit = LimitHit(limit="storage", value=0, peak=0, action="turn")
        order: dict[str, Any] = {"hit": hit, "error": error}
        try:
            answer = None
            with contextlib.suppress(trio.TooSlowError):
                answer = await worker.call("worker.limit", {}, msgspec.json.encode(order), deadline_s=_STOP_S)
            if answer is None or answer.status != 200:
                worker.facts["verdict"] = error
                worker.kill()
        finally:
            self._ended.discard(worker)

    def _tell(self, worker: Worker, error: NamedError) -> None:
        """Clients, at once."""
        name = worker.spec.name
        if worker.spec.kind == "session" and self._sessions.exists(name):
            session = self._sessions.find(name)
            self._journal.announce("session.error", {"sessionID": name, "error": error}, place_of(session))
