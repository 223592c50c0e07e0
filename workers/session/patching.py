"""The part of a message that tells which files its step has changed."""

import trio

from oad.contract.ids import new_id
from oad.contract.message import AssistantMessage, PatchPart, SnapshotPart, UserMessage

from ..snapshots.keeper import StepKeeper
from ..snapshots.store import Recorded
from .patches import Patch
from .turn import Turn


async def put_patch(turn: Turn, info: AssistantMessage, before: str, recorded: Recorded, *, cut: bool) -> None:
    """Nothing is put where nothing has changed. ``cut``: the step has no last part that names the tree after it."""
    store = turn.snapshots.store
    if store is None or not recorded.changes:
        return
    ids = {"session_id": info.session_id, "message_id": info.id}
    files = [store.shown(change.path) for change in recorded.changes]
    turn.report.remember(Patch(before, recorded.tree, tuple(files)), recorded.changes)
    await turn.conversation.put_part(PatchPart(id=new_id("prt"), hash=before, files=files, **ids))
    if cut:
        await turn.conversation.put_part(SnapshotPart(id=new_id("prt"), snapshot=recorded.tree, **ids))


async def settle_files(turn: Turn, keeper: StepKeeper, settled: trio.Event) -> None:
    """When nothing of a turn runs any more. An abort need not wait for it; the next turn waits until ``settled``."""
    try:
        await _finish_cut_step(turn, keeper)
    finally:
        settled.set()
    await turn.snapshots.tidy()


async def _finish_cut_step(turn: Turn, keeper: StepKeeper) -> None:
    """For a step that was cancelled or failed."""
    before, recorded = keeper.before, await keeper.finish()
    answer = turn.conversation.last_assistant()
    if recorded is None or before is None or answer is None or not isinstance(answer.info, AssistantMessage):
        return
    await put_patch(turn, answer.info, before, recorded, cut=True)
    prompt = turn.conversation.find(answer.info.parent_id)
    if recorded.changes and prompt is not None and isinstance(prompt.info, UserMessage):
        await turn.tell_changes(prompt)
