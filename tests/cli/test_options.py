from pathlib import Path
from typing import Annotated

import typer
from typer.testing import CliRunner

from oad.cli.options import USUAL, takes_target
from oad.cli.target_options import TargetOptions

app = typer.Typer()
given: list[tuple[str, TargetOptions, bool]] = []


@app.command()
@takes_target
def act(
    name: str, target: TargetOptions = USUAL, quick: Annotated[bool, typer.Option("--quick", help="Hurry.")] = False
) -> None:
    """Do something."""
    given.append((name, target, quick))


def test_the_options_of_a_target_become_one() -> None:
    given.clear()
    assert CliRunner().invoke(app, ["a"]).exit_code == 0
    said = ["--attach", "http://x", "-u", "ann", "-p", "pw", "--token", "t", "--data-dir", "/d", "--quick", "b"]
    assert CliRunner().invoke(app, said).exit_code == 0
    assert given == [("a", USUAL, False), ("b", TargetOptions("http://x", "ann", "pw", "t", Path("/d")), True)]


def test_help_has_them_where_the_target_stands() -> None:
    text = CliRunner().invoke(app, ["--help"]).output
    places = [text.index(name) for name in ("--attach", "--username", "--password", "--token", "--data-dir", "--quick")]
    assert places == sorted(places)
    assert "Do something." in text
