"""Which language servers a directory has, and which root one has for a file."""

import os
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from oad.contract.policy import ShellPolicy

from ..config.project import ProjectSetup
from ..config.settings import LspSection
from ..restriction.decision import decide
from .table import TABLE, Server

_OWN_PROGRAMS: Final = ("node_modules/.bin", ".venv/bin", "venv/bin", "vendor/bin")

Setting = bool | dict[str, LspSection] | None


def serves(setting: Setting, name: str) -> bool:
    """Whether a language server may have something to say about a file of that name."""
    return any(name.endswith(each.extensions) for each in configured(setting))


def configured(setting: Setting) -> list[Server]:
    """None without configuration. A section that is given may have no extensions: then it serves nothing."""
    if setting is None or setting is False:
        return []
    known = {each.id: each for each in TABLE}
    for id, section in (setting if isinstance(setting, dict) else {}).items():
        if section.disabled:
            known.pop(id, None)
        elif (made := _make(id, section, known.get(id))) is not None:
            known[id] = made
    return list(known.values())


def _make(id: str, section: LspSection, base: Server | None) -> Server | None:
    """None for one that has no command."""
    base = base or Server(id, (), ())
    made = msgspec.structs.replace(
        base,
        command=tuple(section.command or base.command),
        extensions=base.extensions if section.extensions is None else tuple(section.extensions),
        environment=section.env or {},
        initialization={**base.initialization, **(section.initialization or {})},
        given=bool(section.command),
    )
    return made if made.command else None


class Chosen(msgspec.Struct, frozen=True):
    server: Server
    program: str
    root: str


class LanguageChoice:
    """``path``: where programs are looked for; ``shell``: what a configured command must not be."""

    def __init__(self, setup: ProjectSetup, *, path: str, shell: ShellPolicy) -> None:
        self._servers = configured(setup.config.lsp)
        self._directory = Path(setup.directory)
        top = Path(setup.worktree)
        self._top = top if top != Path("/") and self._directory.is_relative_to(top) else self._directory
        self._path = path
        self._shell = shell

    def has(self, server: Server) -> bool:
        """Whether it is configured as it was."""
        return server in self._servers

    def covers(self, path: Path) -> bool:
        """Whether a file belongs to the project, links followed. Blocks."""
        return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(self._top))

    def matching(self, path: Path) -> list[Chosen]:
        """The servers for a file that are there. Blocks."""
        found = list[Chosen]()
        for server in self._servers:
            if not path.name.endswith(server.extensions):
                continue
            root = self._root(server, path)
            program = self._program(server, root) if root is not None else None
            if root is not None and program is not None:
                found.append(Chosen(server, program, str(root)))
        return found

    def _root(self, server: Server, path: Path) -> Path | None:
        if self._nearest(path, server.unless) is not None:
            return None
        for group in server.markers:
            if (root := self._nearest(path, group)) is not None:
                return root
        return None if server.needed else self._directory

    def _nearest(self, path: Path, markers: tuple[str, ...]) -> Path | None:
        return next((level for level in self._levels(path) if any((level / each).exists() for each in markers)), None)

    def _levels(self, path: Path) -> Iterator[Path]:
        for level in path.parents:
            if not level.is_relative_to(self._top):
                return
            yield level

    def _program(self, server: Server, root: Path) -> str | None:
        if server.given:
            decision = decide(shlex.join(server.command), str(self._directory), self._shell)
            return server.command[0] if not decision.rule else None
        own = [str(level / place) for level in self._levels(root / "x") for place in _OWN_PROGRAMS]
        return shutil.which(server.command[0], path=":".join([*own, self._path]))
