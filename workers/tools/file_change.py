"""A change of one text file as write and edit make it: looked at, shown to a person, written, announced."""

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import trio

from ..formatters.formatting import format_file
from ..watching.state import Event, state_of
from . import diff, file_text, file_write, paths
from .diff import Diff
from .file_text import FileText
from .files_seen import files_seen
from .in_thread import in_thread
from .tool import ToolContext, ToolFailed


class FileChange(msgspec.Struct, frozen=True):
    """As it is on disk: ``diff`` holds what formatters made of it, ``notes`` what went wrong with them."""

    path: Path
    existed: bool
    diff: Diff
    notes: tuple[str, ...] = ()


Make = Callable[[FileText | None], FileText]
"""The new text from the old, None for a file that does not exist. May raise ToolFailed. Runs in a thread."""


async def change_file(context: ToolContext, path: Path, make: Make) -> FileChange:
    """Raises ToolFailed, and Rejected when a person says no."""
    outside = await paths.ask_outside(context, path)
    async with file_write.lock(path):
        before, after, change = await in_thread(_prepare, context, path, make)
        metadata = {"filepath": str(path), "diff": change.diff.patch}
        await context.ask("edit", [paths.relative(context, path)], always=["*"], metadata=metadata)
        # The person may have taken their time: what they saw must still be what happens.
        if await in_thread(file_text.load, path) != before:
            raise ToolFailed(f"{path} was changed by something else in the meantime. Read it again.")
        await file_write.write_file(context, path, after.encode(), outside=outside)
        formatted, notes = await settle(context, path, after, outside=outside, existed=change.existed)
    shown = change.diff if formatted == after else _difference(path, before, formatted)
    return FileChange(path, change.existed, shown, tuple(notes))


async def settle(
    context: ToolContext, path: Path, written: FileText, *, outside: bool, existed: bool
) -> tuple[FileText, list[str]]:
    """Formats a file that was just written and announces it; see ``format_file``. ``path`` is locked."""
    try:
        return await format_file(context, path, written, outside=outside)
    finally:
        # Also when the call is cancelled meanwhile: it was written.
        with trio.CancelScope(shield=True):
            await announce(context, path, existed=existed)


async def announce(context: ToolContext, path: Path, *, existed: bool) -> None:
    """Remembers the file as known to the model and tells clients that it was written."""
    await trio.to_thread.run_sync(files_seen(context).note, path)
    await tell_change(context, path, "change" if existed else "add")


async def tell_change(context: ToolContext, path: Path, event: Event) -> None:
    """To clients. ``event``: what became of the file that is, or was, there."""
    state = await trio.to_thread.run_sync(state_of, str(path))
    await context.publish("file.edited", {"file": str(path)})
    await context.publish("file.watcher.updated", {"file": str(path), "event": event, "state": state})


def _prepare(context: ToolContext, path: Path, make: Make) -> tuple[FileText | None, FileText, FileChange]:
    files_seen(context).check(path)
    before = file_text.load(path)
    after = make(before)
    return before, after, FileChange(path, before is not None, _difference(path, before, after))


def _difference(path: Path, before: FileText | None, after: FileText) -> Diff:
    old = "" if before is None else file_text.presentable(before.text)
    return diff.unified(str(path), old, file_text.presentable(after.text))


def with_notes(output: str, notes: Sequence[str]) -> str:
    """A tool's output, followed by what else there is to say."""
    return "\n\n".join([output, *notes])
