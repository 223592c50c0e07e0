from typing import Any

import pytest

from oad.contract.errors import ApiError
from oad.contract.terminal import Pty
from oad.daemon.journal import Place
from oad.daemon.terminals import Terminal, Terminals


class Journal:
    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []

    def append(self, type: str, properties: Any, place: Place, *, durable: bool = True) -> None:
        assert durable
        self.told.append((type, place.directory))


def terminal(id: str = "pty_a", directory: str = "/p", family: Any = "v1") -> Terminal:
    return Terminal(Pty(id=id, title="t", command="c", args=[], cwd="/", status="running", pid=1), directory, family)


@pytest.fixture
def journal() -> Journal:
    return Journal()


@pytest.fixture
def terminals(journal: Journal) -> Terminals:
    return Terminals(journal)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def test_each_directory_and_each_api_lists_its_own(terminals: Terminals) -> None:
    for id, directory, family in (
        ("pty_b", "/p", "v1"),
        ("pty_a", "/p", "v1"),
        ("pty_c", "/q", "v1"),
        ("pty_d", "/p", "v2"),
    ):
        terminals.add(terminal(id, directory, family))
    assert [each.id for each in terminals.listing("/p", "v1")] == ["pty_b", "pty_a"]
    assert [each.id for each in terminals.listing("/p", "v2")] == ["pty_d"]
    assert terminals.listing("/r", "v1") == []


def test_every_change_is_told(terminals: Terminals, journal: Journal) -> None:
    terminals.add(terminal())
    assert terminals.rename("pty_a", None).title == "t"
    assert terminals.rename("pty_a", "").title == ""
    terminals.remove("pty_a")
    terminals.exited("pty_a", 137)
    terminals.lost("pty_a")
    assert journal.told == [(f"pty.{word}", "/p") for word in ("created", "updated", "updated", "deleted")]


def test_a_program_that_ends_while_it_is_started(terminals: Terminals, journal: Journal) -> None:
    with terminals.expected("pty_a"):
        terminals.exited("pty_a", 3)
        terminals.lost("pty_a")
        terminals.add(terminal())
    assert [type for type, _ in journal.told] == ["pty.created", "pty.exited"]
    assert terminals.listing("/p", "v1") == []


def test_one_that_was_never_started_is_not_told_of(terminals: Terminals, journal: Journal) -> None:
    with terminals.expected("pty_a"):
        terminals.lost("pty_a")
    terminals.lost("pty_a")
    assert journal.told == []


def test_an_exit_is_told_once(terminals: Terminals, journal: Journal) -> None:
    terminals.add(terminal())
    terminals.exited("pty_a", 0)
    terminals.lost("pty_a")
    assert [type for type, _ in journal.told] == ["pty.created", "pty.exited"]


def test_what_is_not_there_is_not_found(terminals: Terminals) -> None:
    for act in (terminals.find, terminals.remove):
        with pytest.raises(ApiError) as failure:
            act("pty_x")
        assert failure.value.body["_tag"] == "PtyNotFoundError"
