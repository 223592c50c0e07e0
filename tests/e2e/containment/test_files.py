"""Escapes through tools and routes for files, of a real server, as root and as nobody.

The controls: what is to be read or written is really there for everybody else; each entrance reads, lists and writes
what lies in the workspace; and where there is the profile "full" the same calls succeed under it, but for oad's own.
"""

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
import trio

from .cage import Cage
from .file_entrances import LISTERS, READERS, READING, WRITERS, WRITING, Read, Target
from .scene import SECRET

Shown = dict[str, str]
Ways = Callable[[str, str], Shown]


def place(cage: Cage, target: Target) -> str:
    return target.path.format(**cage.scene.names())


@pytest.fixture(scope="session")
def quiet(cage: Cage) -> Cage:
    """Laid out anew, since commands were tried in it."""
    cage.lay_out()
    return cage


@pytest.fixture(scope="session")
def read(quiet: Cage) -> Ways:
    """What an entrance shows of all targets; and of a file in the workspace, as ``control``."""
    (quiet.scene.workspace / "control").write_text(SECRET)
    targets = {name: place(quiet, target) for name, target in READING.items()}
    targets["control"] = str(quiet.scene.workspace / "control")

    @cache
    def pass_through(entrance: str, profile: str) -> Shown:
        readers: dict[str, Read] = {name: reader.read for name, reader in READERS.items()}
        by = {**readers, **{f"{name}, listing": lister for name, lister in LISTERS.items()}}[entrance]
        return dict(zip(targets, trio.run(by, quiet, list(targets.values()), profile), strict=True))

    return pass_through


@pytest.mark.parametrize("name", READING)
@pytest.mark.parametrize("entrance", READERS)
def test_nothing_hidden_is_read(entrance: str, name: str, quiet: Cage, read: Ways) -> None:
    for profile in ("workspace", "read-only"):
        shown = read(entrance, profile)
        assert SECRET in shown["control"]
        assert shown[name].replace(f"pattern {SECRET}", "").count(SECRET) == 0
    there = Path(place(quiet, READING[name]))
    if "/proc/1" not in str(there) and there.name != "credential":
        assert there.read_text().endswith(SECRET)
    if READERS[entrance].full and not READING[name].always:
        assert SECRET in read(entrance, "full")[name]
    if READING[name].always:
        assert SECRET not in read(entrance, "full")[name]


@pytest.mark.parametrize("name", [name for name, target in READING.items() if not target.known])
@pytest.mark.parametrize("entrance", LISTERS)
def test_nothing_hidden_is_listed(entrance: str, name: str, quiet: Cage, read: Ways) -> None:
    shown = read(f"{entrance}, listing", "workspace")
    assert "control" in shown["control"]
    path = place(quiet, READING[name])
    assert path.rpartition("/")[2] not in shown[name].replace(path, "")


@pytest.fixture(scope="session")
def write(quiet: Cage) -> Ways:
    """What became of all targets after an entrance was passed, as the host sees it, and what was said."""
    targets = {name: (place(quiet, target), target.text) for name, target in WRITING.items()}

    lands = {name: os.path.realpath(path) for name, (path, _) in targets.items()}
    lands["control"] = str(quiet.scene.workspace / "control")

    @cache
    def pass_through(entrance: str, profile: str) -> Shown:
        quiet.lay_out()
        control = Path(lands["control"])
        control.write_text("mine")
        files = {**targets, "control": (str(control), "mine")}
        trio.run(WRITERS[entrance].write, quiet, list(files.values()), profile)
        found = {name: _content(lands[name]) for name in files}
        quiet.lay_out()
        return found

    return pass_through


def _content(path: str) -> str:
    return Path(path).read_text() if Path(path).exists() else ""


@pytest.mark.parametrize("name", WRITING)
@pytest.mark.parametrize("entrance", WRITERS)
def test_nothing_protected_is_written(entrance: str, name: str, write: Ways) -> None:
    target = WRITING[name]
    inside = write(entrance, "workspace")
    assert inside["control"] in ("changed", "changed\n", "")
    assert inside[name].startswith(target.text)
    assert "changed" not in inside[name]
    if WRITERS[entrance].full and target.always:
        assert write(entrance, "full")[name] == target.text
    elif WRITERS[entrance].full and "removing" in entrance and "link to" in name:
        assert write(entrance, "full")[name] == target.text  # the link goes
    elif WRITERS[entrance].full and (target.text or "removing" not in entrance):
        after = write(entrance, "full")[name]
        assert after != inside[name]
        assert "changed" in after or "removing" in entrance


@pytest.mark.parametrize("entrance", WRITERS)
def test_a_session_that_only_reads_writes_nothing(entrance: str, write: Ways) -> None:
    if not WRITERS[entrance].full:
        pytest.skip("it belongs to no session")
    assert write(entrance, "read-only")["control"] == "mine"


def test_there_are_many() -> None:
    assert len({*READING, *WRITING}) >= 25
