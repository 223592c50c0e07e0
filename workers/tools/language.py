"""Language servers as tools use them: told what is read and written, asked what is wrong with it.

They belong to the directory, whose worker is asked through the daemon. Whatever happens to them, the call goes on.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec
import structlog
import trio

from oad.contract.errors import ApiError
from oad.contract.language import ERROR, Diagnostic, Diagnostics, Touch

from .tool import ToolContext, ToolResult

_log = structlog.get_logger("oad.tools")

_READ_S: Final = 2.0
_WRITTEN_S: Final = 15.0  # the directory's worker waits less; this is for one that does not answer
_MAX_ERRORS: Final = 20  # of one file
_MAX_OTHERS: Final = 5  # files
_SERVICE: Final = "language"  # key of ToolContext.services: whether a server may know files of a name


async def note_read(context: ToolContext, path: Path) -> None:
    """Its server is started, so that it is there when the file is changed."""
    await _touch(context, [path], wait=False)


async def diagnosed(
    context: ToolContext, result: ToolResult, paths: Sequence[Path], *, others: bool = False
) -> ToolResult:
    """The result of a change of these files, with what is wrong with them, and with other files where ``others`` are
    asked for. A call that is cancelled meanwhile ends with the result as it is: the change was made."""
    context.settle(result)
    found = await _touch(context, paths, wait=True)
    errors = [line for path in paths for line in report(found, path)]
    if others:
        errors += [line for path in paths for line in report_others(found, path)]
    output = "\n\n".join([result.output, *errors])
    return ToolResult(result.title, output, {**result.metadata, "diagnostics": found}, result.attachments)


async def _touch(context: ToolContext, paths: Sequence[Path], *, wait: bool) -> Diagnostics:
    serves = context.services.get(_SERVICE)
    files = [str(path) for path in paths if serves is not None and serves(path.name)]
    if not files:
        return {}
    body = msgspec.json.encode(Touch(files=files, wait=wait))
    with trio.move_on_after(_WRITTEN_S if wait else _READ_S):
        try:
            return msgspec.json.decode(await context.call("lsp.touch", {}, body), type=Diagnostics)
        except ApiError as error:
            _log.info("language servers are not to be had", reason=str(error.body))
    return {}


def report(diagnostics: Diagnostics, path: Path) -> list[str]:
    """For the model: the errors of one file."""
    return [_section("this file, please fix", str(path), errors) for errors in _errors(diagnostics.get(str(path)))]


def report_others(diagnostics: Diagnostics, path: Path) -> list[str]:
    """For the model: the errors of some other files, which a change may have brought about."""
    found = ((name, errors) for name, known in diagnostics.items() if name != str(path) for errors in _errors(known))
    return [_section("other files", name, errors) for (name, errors), _ in zip(found, range(_MAX_OTHERS), strict=False)]


def _errors(known: list[Diagnostic] | None) -> Iterator[list[Diagnostic]]:
    """One list, or none if it would be empty."""
    errors = [each for each in known or () if each.severity in (None, ERROR)]
    if errors:
        yield errors


def _section(where: str, name: str, errors: list[Diagnostic]) -> str:
    lines = [_line(each) for each in errors[:_MAX_ERRORS]]
    if len(errors) > _MAX_ERRORS:
        lines.append(f"... and {len(errors) - _MAX_ERRORS} more")
    text = "\n".join(lines)
    return f'LSP errors detected in {where}:\n<diagnostics file="{name}">\n{text}\n</diagnostics>'


def _line(diagnostic: Diagnostic) -> str:
    start = diagnostic.range.start
    return f"ERROR [{start.line + 1}:{start.character + 1}] {diagnostic.message}"
