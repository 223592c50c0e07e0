"""Watching a directory for as long as somebody listens to what happens there."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec
import structlog
import trio

from oad.contract.errors import ApiError

from ..config.project import ProjectSetup
from ..link import Link
from ..tools.in_thread import in_thread
from .head import find_git_directory, read_branch
from .state import state_of
from .tree import Change
from .watcher import NotWatched, Watcher

_log = structlog.get_logger("oad.watching")

_LINGER_S: Final = 30.0  # a client that reconnects finds the watch as it was


class Attention:
    """``setup`` is asked when watching begins; it may raise ApiError."""

    def __init__(
        self, directory: str, link: Link, setup: Callable[[], ProjectSetup], linger_s: float = _LINGER_S
    ) -> None:
        self._directory = directory
        self._link = link
        self._setup = setup
        self._linger_s = linger_s
        self._git: Path | None = None
        self._branch: str | None = None

    async def run(self) -> None:
        while True:
            await self._listened(known=False)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._watch)
                await self._silence()
                nursery.cancel_scope.cancel()

    async def _listened(self, *, known: bool) -> None:
        """Waits until somebody listens, or, when that is ``known``, until nobody does."""
        asked = {"heard": "true" if known else "false"}
        while msgspec.json.decode(await self._link.call("daemon.listening", asked), type=bool) is known:
            pass

    async def _silence(self) -> None:
        """Until nobody has listened for a while."""
        while True:
            await self._listened(known=True)
            with trio.move_on_after(self._linger_s) as scope:
                await self._listened(known=False)
            if scope.cancelled_caught:
                return

    async def _watch(self) -> None:
        root = Path(self._directory)
        if root in (Path("/"), Path.home()):
            return  # no project: what happens there is everything
        worktree, ignored = root, list[str]()
        try:
            setup = self._setup()
            worktree, ignored = Path(setup.worktree), setup.config.watcher.ignore
        except ApiError:
            pass  # broken configuration shows elsewhere
        self._git = await in_thread(find_git_directory, worktree)
        if self._git is not None:
            self._branch = await in_thread(read_branch, self._git)
        try:
            await Watcher(root, worktree, ignored, self._git).run(self._tell, self._tell_branch)
        except NotWatched as error:
            _log.warning("the files of a directory are not watched", directory=self._directory, reason=str(error))

    async def _tell(self, changes: list[Change]) -> None:
        for change in await in_thread(_with_states, changes):
            await self._link.publish("file.watcher.updated", change, durable=False)

    async def _tell_branch(self) -> None:
        """If it is another one."""
        assert self._git is not None
        branch = await in_thread(read_branch, self._git)
        if branch != self._branch:
            self._branch = branch
            await self._link.publish("vcs.branch.updated", {"branch": branch} if branch else {})


def _with_states(changes: list[Change]) -> list[dict[str, str]]:
    """By which the daemon knows what a tool has told already."""
    return [{"file": each.file, "event": each.event, "state": state_of(each.file)} for each in changes]
