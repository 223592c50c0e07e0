"""Whether a program is the one that a formatter means. Asked once per program; its answer is kept."""

import os
from typing import Final

from ..exec import Command, Exec, ExecFailed
from ..tools.environment import command_environment
from .table import Formatter

_TIMEOUT_S: Final = 5.0
_MAX_BYTES: Final = 64 * 1024
_Stamp = tuple[int, int] | None


class Probes:
    def __init__(self, exec: Exec, directory: str) -> None:
        self._exec = exec
        self._directory = directory
        self._known: dict[str, tuple[_Stamp, bool]] = {}

    async def __call__(self, formatter: Formatter, program: str) -> bool:
        stamp = _stamp(program)
        known = self._known.get(program)
        if known is None or known[0] != stamp:
            known = self._known[program] = stamp, await self._ask(formatter, program)
        return known[1]

    async def _ask(self, formatter: Formatter, program: str) -> bool:
        assert formatter.probe is not None
        said = bytearray()

        async def take(chunk: bytes) -> None:
            said.extend(chunk[: _MAX_BYTES - len(said)])

        argv = [program, *formatter.probe.arguments]
        command = Command(argv, self._directory, command_environment(), profile="read-only")
        try:
            outcome = await self._exec.run(command, on_stdout=take, timeout_s=_TIMEOUT_S)
        except ExecFailed:
            return False
        return outcome.exit == 0 and formatter.probe.text.encode() in said


def _stamp(program: str) -> _Stamp:
    try:
        status = os.stat(program)  # noqa: PTH116 - as quick as it gets: once per edit
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size
