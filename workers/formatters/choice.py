"""Which formatters a directory has: those of the table and of the configuration whose program is there."""

import shlex
import shutil
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Final

import msgspec

from oad.contract.catalogue import FormatterStatus
from oad.contract.policy import ShellPolicy

from ..config.project import ProjectSetup
from ..config.settings import FormatterSection
from ..restriction.decision import decide
from ..tools.environment import command_environment
from ..tools.in_thread import in_thread
from .table import TABLE, Formatter, Sign

_OWN_PROGRAMS: Final = ("node_modules/.bin", ".venv/bin", "vendor/bin")  # where projects keep theirs
_MAX_SIGN_BYTES: Final = 1 << 20
_TWINS: Final = frozenset({"ruff", "uv"})  # uv runs ruff: who does not want the one does not want the other

Probe = Callable[[Formatter, str], Awaitable[bool]]
"""Whether the program at that path passes the formatter's probe."""


class Formatters:
    """Those of one directory. ``setting`` is the configuration's key: without it nothing is formatted."""

    def __init__(
        self,
        setting: bool | dict[str, FormatterSection] | None,
        directory: str,
        worktree: str,
        *,
        path: str,
        shell: ShellPolicy,
    ) -> None:
        self._known = _configured(setting)
        self._directory = directory
        self._levels = _levels(Path(directory), Path(worktree))
        self._path = path
        self._shell = shell

    async def status(self, probe: Probe) -> list[FormatterStatus]:
        return [
            FormatterStatus(
                name=each.name, extensions=list(each.extensions), enabled=await self._usable(each, probe) is not None
            )
            for each in self._known.values()
        ]

    async def matching(self, name: str, probe: Probe) -> list[Formatter]:
        """Those for a file of that name, with the path of their program in the command."""
        found = [await self._usable(each, probe) for each in self._known.values() if name.endswith(each.extensions)]
        return [each for each in found if each is not None]

    async def _usable(self, formatter: Formatter, probe: Probe) -> Formatter | None:
        program = await in_thread(self._find, formatter)
        if program is None or (formatter.probe is not None and not await probe(formatter, program)):
            return None
        twin = self._known.get(formatter.unless)
        if twin is not None and await self._usable(twin, probe) is not None:
            return None
        return msgspec.structs.replace(formatter, command=(program, *formatter.command[1:]))

    def _find(self, formatter: Formatter) -> str | None:
        """The program's path; None without it, or where nothing shows that the project wants it. Blocks."""
        if formatter.given:
            # What a client may put into the configuration is no way around what it may not run directly.
            decision = decide(shlex.join(formatter.command), self._directory, self._shell)
            return formatter.command[0] if not decision.rule else None
        if formatter.signs and not any(self._shows(sign) for sign in formatter.signs):
            return None
        own = (str(level / place) for level in self._levels for place in _OWN_PROGRAMS)
        return shutil.which(formatter.command[0], path=":".join([*own, self._path]))

    def _shows(self, sign: Sign) -> bool:
        return any(_holds(level / sign.file, sign.text) for level in self._levels)


def formatters_of(setup: ProjectSetup, shell: ShellPolicy) -> Formatters:
    path = command_environment()["PATH"]
    return Formatters(setup.config.formatter, setup.directory, setup.worktree, path=path, shell=shell)


def _configured(setting: bool | dict[str, FormatterSection] | None) -> dict[str, Formatter]:
    if setting is None or setting is False:
        return {}
    known = {each.name: each for each in TABLE}
    sections = setting if isinstance(setting, dict) else {}
    for name, section in sections.items():
        if section.disabled:
            for unwanted in _TWINS if name in _TWINS else (name,):
                known.pop(unwanted, None)
        elif (made := _make(name, section, known.get(name))) is not None:
            known[name] = made
    return known


def _make(name: str, section: FormatterSection, base: Formatter | None) -> Formatter | None:
    """None for one that has no command."""
    base = base or Formatter(name, (), ())
    made = msgspec.structs.replace(
        base,
        command=tuple(section.command or base.command),
        extensions=base.extensions if section.extensions is None else tuple(section.extensions),
        environment=section.environment or {},
        given=bool(section.command),
        probe=None if section.command else base.probe,
        unless="" if section.command else base.unless,
    )
    return made if made.command else None


def _levels(directory: Path, top: Path) -> list[Path]:
    """From the directory up to the worktree's top; without one the directory alone."""
    if top == Path("/") or not directory.is_relative_to(top):
        return [directory]
    return list(_upwards(directory, top))


def _upwards(directory: Path, top: Path) -> Iterator[Path]:
    for level in (directory, *directory.parents):
        yield level
        if level == top:
            return


def _holds(file: Path, text: str) -> bool:
    try:
        # Opening would wait for ever where somebody has put a FIFO of that name.
        if not file.is_file() or file.stat().st_size > _MAX_SIGN_BYTES:
            return False
        return not text or text in file.read_text(errors="replace")
    except OSError:
        return False
