"""Escapes by commands: what bash, the shell route, git and ripgrep are run with, as root and as nobody."""

from pathlib import Path

import pytest

from .cell import Cell, run_outside
from .escapes import ESCAPES
from .scene import Scene


@pytest.mark.parametrize("name", ESCAPES)
def test_an_escape_is_denied(name: str, scene: Scene, cell: Cell) -> None:
    escape = ESCAPES[name]
    if escape.root and scene.user:
        pytest.skip("only root can do this outside")
    if not Path(escape.needs).exists():
        pytest.skip(f"this kernel has no {escape.needs}")
    scene.lay_out()
    inside = cell.run(escape.script)
    assert inside.status != 0, f"it escaped: {inside.output}"
    assert escape.denied in inside.output
    assert scene.base.joinpath("outside", "file").read_text() == "theirs"
    scene.lay_out()
    control = run_outside(scene, escape.script)
    assert control.status == 0, f"the control must succeed: {control.output}"
