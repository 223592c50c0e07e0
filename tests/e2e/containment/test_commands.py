"""Escapes by commands, at every entrance, as root and as nobody.

The control of each is the same script without a sandbox, which succeeds. The first entrance is none of a server: the
same init and holder's work, without daemon and worker, which says more when something goes wrong.
"""

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
import trio

from .batch import Attempt, read_batch, write_batch
from .cage import Cage
from .cell import Cell, run_outside
from .entrances import ENTRANCES, PASSING
from .escapes import ESCAPES, READ_ONLY, Escape
from .scene import Scene

Attempts = dict[str, Attempt]
ALL = {**ENTRANCES, **PASSING}
SCRIPTS = {name: escape.script for name, escape in ESCAPES.items()}


@pytest.fixture(scope="session")
def outside(caged_scene: Scene) -> Attempts:
    """Before the server starts, because some of these are destructive."""
    found: Attempts = {}
    for name, escape in ESCAPES.items():
        if applies(escape, caged_scene):
            caged_scene.lay_out()
            done = run_outside(caged_scene, escape.script)
            found[name] = Attempt(done.status, done.output)
    caged_scene.lay_out()
    return found


@pytest.fixture(scope="session")
def inside(outside: Attempts, cage: Cage, cell: Cell) -> Iterator[Callable[[str], Attempts]]:
    """How all escapes ended at an entrance; each is passed once."""

    @cache
    def attempt(entrance: str) -> Attempts:
        if entrance == "cell":
            return {name: _in_cell(cell, escape) for name, escape in ESCAPES.items()}
        command = write_batch(cage.scene, SCRIPTS)
        return read_batch(trio.run(ALL[entrance].run, cage, command))

    yield attempt


def _in_cell(cell: Cell, escape: Escape) -> Attempt:
    done = cell.run(escape.script)
    return Attempt(done.status, done.output)


def applies(escape: Escape, scene: Scene) -> bool:
    return Path(escape.needs).exists() and not (escape.root and scene.user)


@pytest.mark.parametrize("name", ESCAPES)
@pytest.mark.parametrize("entrance", ["cell", *ALL])
def test_an_escape_is_denied(
    entrance: str, name: str, caged_scene: Scene, outside: Attempts, inside: Callable[[str], Attempts]
) -> None:
    escape = ESCAPES[name]
    if not applies(escape, caged_scene):
        pytest.skip("only root can do this outside" if Path(escape.needs).exists() else f"there is no {escape.needs}")
    attempt = inside(entrance)[name]
    assert attempt.status != 0, f"it escaped: {attempt.output}"
    reasons = [escape.denied] if entrance == "cell" or ALL[entrance].writes else [escape.denied, READ_ONLY]
    assert any(reason in attempt.output for reason in reasons), attempt.output
    assert outside[name].status == 0, f"the control must succeed: {outside[name].output}"
    assert (caged_scene.outside / "file").read_text() == "theirs"


def test_there_are_many() -> None:
    assert len(ESCAPES) >= 45
