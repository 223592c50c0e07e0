"""The terminals that there are: kept in memory, for none outlives this process."""

import contextlib
from collections.abc import Generator
from typing import Final, Literal

import msgspec

from oad.contract.errors import ApiError, tagged
from oad.contract.terminal import Pty, PtyExited

from .journal import Journal, Place
from .tickets import Tickets

Family = Literal["v1", "v2"]
_KILLED: Final = 137  # what a shell says of a program that was killed


class Terminal(msgspec.Struct):
    """``family``: by which of the two APIs it was made; each lists its own."""

    info: Pty
    directory: str
    family: Family


class Terminals:
    """Every change is an event of the terminal's directory."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._terminals: dict[str, Terminal] = {}
        self._expected: dict[str, int | None] = {}  # being started: how it ended already, if it has
        self.tickets = Tickets()

    @contextlib.contextmanager
    def expected(self, id: str) -> Generator[None]:
        """While it is being started: its program may have ended before it is added."""
        self._expected[id] = None
        try:
            yield
        finally:
            self._expected.pop(id, None)

    def add(self, terminal: Terminal) -> None:
        id = terminal.info.id
        self._terminals[id] = terminal
        self._say("pty.created", terminal, {"info": terminal.info})
        exit_code = self._expected.pop(id, None)
        if exit_code is not None:
            self.exited(id, exit_code)

    def listing(self, directory: str, family: Family) -> list[Pty]:
        """In the order in which they were made."""
        return [t.info for t in self._terminals.values() if t.directory == directory and t.family == family]

    def find(self, id: str) -> Terminal:
        """Raises ApiError 404."""
        terminal = self._terminals.get(id)
        if terminal is None:
            raise pty_not_found(id)
        return terminal

    def rename(self, id: str, title: str | None) -> Pty:
        """None changes nothing, and is told all the same. Raises ApiError 404."""
        terminal = self.find(id)
        if title is not None:
            terminal.info = msgspec.structs.replace(terminal.info, title=title)
        self._say("pty.updated", terminal, {"info": terminal.info})
        return terminal.info

    def remove(self, id: str) -> None:
        """At a client's request. Raises ApiError 404."""
        terminal = self.find(id)
        del self._terminals[id]
        self._say("pty.deleted", terminal, {"id": id})

    def exited(self, id: str, exit_code: int) -> None:
        """Its program has ended; one that was removed before is not told of again."""
        if id in self._expected:
            self._expected[id] = exit_code
        terminal = self._terminals.pop(id, None)
        if terminal is not None:
            self._say("pty.exited", terminal, PtyExited(id=id, exit_code=exit_code))

    def lost(self, id: str) -> None:
        """Its worker is gone. Nothing is told of one that has ended or was removed."""
        if self._expected.get(id) is None:
            self.exited(id, _KILLED)

    def _say(self, type: str, terminal: Terminal, properties: object) -> None:
        self._journal.append(type, properties, Place(directory=terminal.directory))


def pty_not_found(id: str) -> ApiError:
    return tagged(404, "PtyNotFoundError", ptyID=id, message=f"PTY session not found: {id}")
