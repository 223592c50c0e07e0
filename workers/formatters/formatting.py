"""Formatting a file that a tool has just written, with the programs that its project has for it."""

from pathlib import Path
from typing import Final

import structlog
import trio

from oad.contract.limit_text import describe

from ..exec import Command, ExecFailed, Outcome
from ..tools import file_text, file_write
from ..tools.environment import command_environment
from ..tools.file_text import FileText
from ..tools.in_thread import in_thread
from ..tools.tool import ToolContext, ToolFailed
from .choice import Formatters
from .probes import Probes
from .table import FILE, Formatter

_log = structlog.get_logger("oad.formatters")

TIMEOUT_S: Final = 15.0
_SIGNALLED: Final = 128  # plus the signal: how a program below bubblewrap has ended
_SAID_BYTES: Final = 400  # of what a formatter says of its failure
_SERVICE: Final = "formatters"  # key of ToolContext.services
_PROBES: Final = "formatter_probes"


async def format_file(
    context: ToolContext, path: Path, written: FileText, *, outside: bool
) -> tuple[FileText, list[str]]:
    """The file's text after every formatter for it has run, and what the model should know of their failures. Never
    fails the edit: what a formatter that had to be stopped has left behind is put right. ``path`` is locked."""
    formatters = context.services.get(_SERVICE)
    sandboxed = context.confinement.profile != "full"
    if not isinstance(formatters, Formatters) or (outside and sandboxed) or context.confinement.profile == "read-only":
        return written, []
    notes = list[str]()
    for formatter in await formatters.matching(path.name, _probes(context)):
        problem = await _run(context, formatter, path)
        if problem is not None:
            _log.warning("formatter failed", formatter=formatter.name, file=str(path), problem=problem.text)
            notes.append(f"The formatter {formatter.name} failed: {problem.text}")
        text = await _load(path)
        if text is None or (problem is not None and (problem.stopped or (written.text and not text.text))):
            await _restore(context, path, written, outside=outside)
        else:
            written = text
    return written, notes


class _Problem:
    """``stopped``: in the middle of its work."""

    def __init__(self, text: str, *, stopped: bool = False) -> None:
        self.text = text
        self.stopped = stopped


async def _run(context: ToolContext, formatter: Formatter, path: Path) -> _Problem | None:
    said = bytearray()

    async def take(chunk: bytes) -> None:
        said.extend(chunk[: _SAID_BYTES - len(said)])

    argv = [part.replace(FILE, str(path)) for part in formatter.command]
    environment = {**command_environment(), **formatter.environment}
    command = Command(argv, str(context.directory), environment, shown=f"{formatter.name} {path.name}")
    try:
        outcome = await context.exec.run(command, on_stdout=take, timeout_s=TIMEOUT_S)
    except ExecFailed as error:
        return _Problem(str(error))
    return _problem(outcome, bytes(said))


def _problem(outcome: Outcome, said: bytes) -> _Problem | None:
    if outcome.limit is not None:
        return _Problem(f"{describe(outcome.limit)}.", stopped=True)
    if outcome.timed_out:
        return _Problem(f"it took longer than {TIMEOUT_S:.0f} s and was stopped.", stopped=True)
    if outcome.exit is None or outcome.exit < 0 or outcome.exit > _SIGNALLED:
        return _Problem("it was killed.", stopped=True)
    if outcome.exit:
        return _Problem(said.decode("utf-8", "replace").strip() or f"exit code {outcome.exit}.")
    return None


async def _load(path: Path) -> FileText | None:
    """None for what is no readable file any more."""
    try:
        return await in_thread(file_text.load, path)
    except ToolFailed:
        return None


async def _restore(context: ToolContext, path: Path, written: FileText, *, outside: bool) -> None:
    try:
        with trio.CancelScope(shield=True):
            await file_write.write_file(context, path, written.encode(), outside=outside)
    except ToolFailed as failed:
        _log.error("what a formatter left could not be put right", file=str(path), problem=str(failed))


def _probes(context: ToolContext) -> Probes:
    found = context.services.setdefault(_PROBES, Probes(context.exec, str(context.directory)))
    assert isinstance(found, Probes)
    return found
