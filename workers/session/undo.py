"""Revert and unrevert: the files go back to what they were, the messages stay until the next prompt.

Only files that the session itself changed are touched; what they hold just now is recorded first, and comes back with
an unrevert.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
import structlog
import trio

from oad.contract.message import MessageWithParts, ToolCompleted, ToolPart
from oad.contract.session import Session, SessionRevert

from ..audit import Audit
from ..project.enclosure import shown
from ..snapshots.changes import Entry, join_changes
from ..snapshots.file_diffs import summarize
from ..snapshots.keeper import CHANGING, Snapshots
from ..snapshots.restore import Target, restore
from ..snapshots.store import NoSnapshot, SnapshotStore
from .conversation import Conversation
from .patches import Patch, Point, find_point, patches_after
from .report import Report

_log = structlog.get_logger("oad.snapshots")
_TOLD = 5  # files that are named
_RECORDED = 1000
_MAX_DIFF = 200_000  # characters
_TOAST_MS = 8000


class _Done(msgspec.Struct):
    """Of the files. ``snapshot`` holds what they were before."""

    snapshot: str | None = None
    diff: str | None = None
    problem: str | None = None


class Undo:
    def __init__(self, snapshots: Snapshots, report: Report, audit: Audit) -> None:
        self._snapshots = snapshots
        self._report = report
        self._audit = audit

    async def revert(self, conversation: Conversation, message_id: str, part_id: str | None) -> None:
        """Nothing happens for a message that does not exist. From a point that is reverted already it goes on from the
        files as they were before that."""
        messages, session = conversation.messages, conversation.session
        point = find_point(messages, message_id, part_id)
        if point is None:
            return
        done = await self._revert_files(messages, session, point)
        kept = _before(messages, point)
        diffs = await self._report.of_session(kept)
        self._report.is_news(diffs)
        await conversation.publish("session.diff", {"sessionID": session.id, "diff": diffs})
        revert = SessionRevert(
            message_id=point.message_id,
            part_id=point.part_id,
            snapshot=done.snapshot,
            diff=done.diff,
            problem=done.problem,
        )
        await conversation.patch({"revert": revert, "summary": summarize(diffs)})
        await self._tell(conversation, done.problem)

    async def unrevert(self, conversation: Conversation) -> None:
        """All as it was before the revert; nothing happens where nothing is reverted."""
        session, messages = conversation.session, conversation.messages
        if session.revert is None:
            return
        problem = None
        if session.revert.snapshot is not None:
            problem = await self._unrevert_files(messages, session, session.revert.snapshot)
        diffs = await self._report.of_session(messages)
        self._report.is_news(diffs)
        await conversation.publish("session.diff", {"sessionID": session.id, "diff": diffs})
        await conversation.patch({"revert": None, "summary": summarize(diffs)})
        await self._tell(conversation, problem)

    async def _tell(self, conversation: Conversation, problem: str | None) -> None:
        """To who watches; a client that only gets the answer finds it in the session."""
        if problem is not None:
            _log.warning("files were not put back", session=conversation.session.id, reason=problem)
            toast = {"title": "Files", "message": problem, "variant": "warning", "duration": _TOAST_MS}
            await conversation.publish("tui.toast.show", toast, durable=False)

    # --- files --------------------------------------------------------------------------------------------------------

    async def _revert_files(self, messages: Sequence[MessageWithParts], session: Session, point: Point) -> _Done:
        patches, earlier = patches_after(messages, point), self._reverted(messages, session)
        base = session.revert.snapshot if session.revert else None
        if not patches and base is None:
            return _Done(problem=self._excuse(messages[point.index :]))
        store = self._snapshots.store
        if store is None or not self._snapshots.usable:
            return _Done(base, problem=f"The files stay as they are: {self._snapshots.problem}.")
        try:
            return await self._change(store, patches, earlier, base)
        except NoSnapshot as error:
            return _Done(base, problem=f"The files stay as they are: {error}.")

    async def _change(
        self, store: SnapshotStore, patches: Sequence[Patch], earlier: Sequence[Patch], base: str | None
    ) -> _Done:
        """Raises NoSnapshot before anything is changed."""
        wanted = {each.path: each.before for each in join_changes(await self._report.changes(patches))}
        known = {each.path for each in join_changes(await self._report.changes(earlier))}
        base = await self._record_base(store, base, wanted, known)
        targets = {**await store.entries(base, sorted(known)), **wanted}
        problem = await self._put(store, targets)
        after = await self._snapshots.record(set(targets))
        diff = await store.show(base, after.tree, sorted(wanted))
        return _Done(base, diff[:_MAX_DIFF], problem)

    async def _record_base(
        self, store: SnapshotStore, base: str | None, wanted: dict[str, Entry], known: set[str]
    ) -> str:
        if base is None:
            return (await self._snapshots.record(set(wanted))).tree
        added = sorted(set(wanted) - known)
        return await store.record_on(base, added) if added else base

    async def _unrevert_files(self, messages: Sequence[MessageWithParts], session: Session, base: str) -> str | None:
        store = self._snapshots.store
        if store is None or not self._snapshots.usable:
            return f"The files stay as they are: {self._snapshots.problem}."
        try:
            changes = join_changes(await self._report.changes(self._reverted(messages, session)))
            targets = await store.entries(base, [each.path for each in changes])
            problem = await self._put(store, targets)
            await self._snapshots.record(set(targets))
        except NoSnapshot as error:
            return f"The files stay as they are: {error}."
        return problem

    def _reverted(self, messages: Sequence[MessageWithParts], session: Session) -> list[Patch]:
        """What the present revert has taken back."""
        if session.revert is None:
            return []
        index = next((n for n, each in enumerate(messages) if each.info.id == session.revert.message_id), None)
        if index is None:
            return []
        return patches_after(messages, Point(index, session.revert.message_id, session.revert.part_id))

    async def _put(self, store: SnapshotStore, targets: dict[str, Entry]) -> str | None:
        """What could not be put back, if anything. Raises NoSnapshot before anything is changed."""
        contents = await store.read(entry.blob for entry in targets.values() if entry.exists)
        names = [shown(path) for path in sorted(targets)[:_RECORDED]]
        place = str(store.worktree)
        await self._audit.before("files.restored", worktree=place, files=names, number=len(targets))
        wanted = [Target(path, entry) for path, entry in sorted(targets.items())]
        failed = await trio.to_thread.run_sync(restore, store.worktree, wanted, contents)
        if not failed:
            return None
        named = "; ".join(f"{shown(path)}: {reason}" for path, reason in list(failed.items())[:_TOLD])
        return f"{len(failed)} of {len(targets)} files stay as they are: {named}"

    def _excuse(self, messages: Sequence[MessageWithParts]) -> str | None:
        """Nothing to revert is no problem, unless something may have been changed that nobody kept."""
        if not self._snapshots.problem or not any(_may_have_changed(message) for message in messages):
            return None
        return f"The files stay as they are: {self._snapshots.problem}."


def _may_have_changed(message: MessageWithParts) -> bool:
    return any(
        isinstance(part, ToolPart) and part.tool in CHANGING and isinstance(part.state, ToolCompleted)
        for part in message.parts
    )


def _before(messages: Sequence[MessageWithParts], point: Point) -> list[MessageWithParts]:
    """What is still in force."""
    kept = list(messages[: point.index])
    if point.part_id is not None:
        cut: Any = messages[point.index]
        ids = [part.id for part in cut.parts]
        kept.append(MessageWithParts(info=cut.info, parts=cut.parts[: ids.index(point.part_id)]))
    return kept
