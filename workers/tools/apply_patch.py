"""The tool that changes several files by one patch: all of them or none."""

import os
import stat
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import trio
from msgspec import Meta

from . import diff, file_text, file_write, paths
from .file_change import settle, tell_change, with_notes
from .file_text import FileText
from .files_seen import files_seen
from .in_thread import in_thread
from .language import diagnosed
from .patch_match import apply_pieces
from .patch_text import FilePatch, parse_patch
from .tool import ToolArgs, ToolContext, ToolFailed, ToolResult

_LETTER = {"add": "A", "delete": "D", "update": "M", "move": "M"}


class ApplyPatchArgs(ToolArgs):
    patch_text: Annotated[str, Meta(description="The whole patch, from *** Begin Patch to *** End Patch")]


class ApplyPatchTool:
    name = "apply_patch"
    args = ApplyPatchArgs
    description = """\
Adds, changes, moves and deletes files by a patch in this form:

*** Begin Patch
*** Add File: path/new.py
+each line with a plus
*** Update File: path/old.py
*** Move to: path/renamed.py
@@ def function_around_the_change():
 a line that stays
-a line that goes
+a line that comes
*** Delete File: path/obsolete.py
*** End Patch

"Move to" and the line after @@ are optional. Give about three lines that stay around each change, so that its place \
is clear. Either the whole patch is applied or nothing."""

    async def run(self, args: ApplyPatchArgs, context: ToolContext) -> ToolResult:
        patches = parse_patch(args.patch_text)
        targets = [_Target(each, context) for each in patches]
        touched = await in_thread(_touched, targets)
        outside = {path: await paths.ask_outside(context, path) for path in touched}
        async with AsyncExitStack() as locks:
            for path in sorted(outside):  # in one order everywhere, or two patches could wait for each other
                await locks.enter_async_context(file_write.lock(path))
            changes = await in_thread(_prepare, targets, context)
            shown = [_shown(each, context) for each in changes]
            whole = "\n".join(each["patch"] for each in shown)
            names = [paths.relative(context, path) for path in outside]
            metadata: dict[str, Any] = {"filepath": ", ".join(names), "diff": whole, "files": shown}
            await context.ask("edit", names, always=["*"], metadata=metadata)
            await in_thread(_check_unchanged, changes)
            await _write(context, changes, outside)
            notes = [note for each in changes for note in await _settle(context, each, outside)]
            shown = [_shown(each, context) for each in changes]
            whole = "\n".join(each["patch"] for each in shown)
        output = "Success. Updated the following files:\n" + "\n".join(
            f"{_LETTER[each.kind]} {paths.relative(context, each.target)}" for each in changes
        )
        metadata = {"diff": whole, "files": shown, "diagnostics": {}, "truncated": False}
        return await diagnosed(context, ToolResult(output, with_notes(output, notes), metadata), list(outside))


class _Target:
    """A file patch with its paths resolved."""

    def __init__(self, patch: FilePatch, context: ToolContext) -> None:
        self.patch = patch
        self.path = paths.resolve(context, patch.path)
        self.move_to = paths.resolve(context, patch.move_to) if patch.move_to else None


class _Change(msgspec.Struct):
    """``path`` is the file as it is, ``target`` as it will be; ``after`` None: it goes."""

    kind: Literal["add", "delete", "update", "move"]
    path: Path
    target: Path
    before: FileText | None
    after: FileText | None
    mode: int | None = None  # of the file as it is


def _touched(targets: list[_Target]) -> list[Path]:
    """Blocks. Raises ToolFailed for a file that is named twice."""
    every = [path for each in targets for path in (each.path, each.move_to) if path is not None]
    if len({os.path.realpath(path) for path in every}) != len(every):
        raise ToolFailed("The patch names the same file more than once. Put all changes of a file under one head.")
    return every


def _prepare(targets: list[_Target], context: ToolContext) -> list[_Change]:
    """Every change as it will be; nothing is written yet. Blocks. Raises ToolFailed."""
    return [_change(each, context) for each in targets]


def _change(target: _Target, context: ToolContext) -> _Change:
    patch, path = target.patch, target.path
    files_seen(context).check(path)
    before = file_text.load(path)
    if patch.kind == "add":
        if before is not None:
            raise ToolFailed(f"{patch.path} exists already. Use *** Update File to change it.")
        return _Change("add", path, path, None, FileText(patch.content))
    if before is None:
        raise ToolFailed(f"File not found: {path}")
    mode = stat.S_IMODE(path.stat().st_mode)
    if patch.kind == "delete":
        return _Change("delete", path, path, before, None, mode)
    if target.move_to is not None and target.move_to.exists():
        raise ToolFailed(f"{patch.move_to} exists already; {patch.path} cannot be moved there.")
    after = before.replaced(apply_pieces(patch.path, before.text, patch.pieces))
    return _Change("move" if target.move_to else "update", path, target.move_to or path, before, after, mode)


def _check_unchanged(changes: list[_Change]) -> None:
    for each in changes:
        if file_text.load(each.path) != each.before:
            raise ToolFailed(f"{each.path} was changed by something else in the meantime. Read it again.")


async def _write(context: ToolContext, changes: list[_Change], outside: dict[Path, bool]) -> None:
    """Writes all; when one fails, what was written before it is put back."""
    done: list[_Change] = []
    # An abort must not leave half a patch: writing is short, and it is finished.
    with trio.CancelScope(shield=True):
        try:
            for each in changes:
                done.append(each)
                await _put(context, each.target, each.after, outside, each.mode)
                if each.target != each.path:
                    await file_write.remove_file(context, each.path, outside=outside[each.path])
        except ToolFailed as error:
            for each in reversed(done):
                await _restore(context, each, outside)
            raise ToolFailed(f"{error} Nothing was changed.") from error


async def _put(
    context: ToolContext, path: Path, text: FileText | None, outside: dict[Path, bool], mode: int | None
) -> None:
    if text is None:
        await file_write.remove_file(context, path, outside=outside[path])
    else:
        await file_write.write_file(context, path, text.encode(), outside=outside[path], mode=mode)


async def _restore(context: ToolContext, change: _Change, outside: dict[Path, bool]) -> None:
    if await in_thread(file_text.load, change.path) != change.before:
        await _put(context, change.path, change.before, outside, change.mode)
    if change.target != change.path and await in_thread(change.target.exists):
        await _put(context, change.target, None, outside, None)


async def _settle(context: ToolContext, change: _Change, outside: dict[Path, bool]) -> list[str]:
    """Formats and announces; ``after`` is what is there then. Returns what went wrong."""
    notes = list[str]()
    if change.after is not None:
        existed, target = change.kind == "update", change.target
        change.after, notes = await settle(context, target, change.after, outside=outside[target], existed=existed)
    if change.after is None or change.target != change.path:
        await tell_change(context, change.path, "unlink")
    return notes


def _shown(change: _Change, context: ToolContext) -> dict[str, Any]:
    """As clients draw it."""
    before, after = (file_text.presentable(each.text) if each else "" for each in (change.before, change.after))
    made = diff.unified(str(change.path), before, after, new_path=str(change.target))
    shown: dict[str, Any] = {
        "filePath": str(change.path),
        "relativePath": paths.relative(context, change.target),
        "type": change.kind,
        "patch": made.patch,
        "additions": made.additions,
        "deletions": made.deletions,
    }
    if change.kind == "move":
        shown["movePath"] = str(change.target)
    return shown
