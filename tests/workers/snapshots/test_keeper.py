import os
from pathlib import Path

import pytest
import trio

from oad.workers.exec import Command
from oad.workers.snapshots.keeper import Snapshots, StepKeeper

from ..project.local_exec import LocalExec
from .project import make_project, place_of, snapshots_of


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make_project(tmp_path / "project")


@pytest.fixture
def snapshots(project: Path) -> Snapshots:
    return snapshots_of(project)


async def changed(keeper: StepKeeper) -> list[str]:
    recorded = await keeper.finish()
    return [change.path for change in recorded.changes] if recorded else []


async def test_a_step_that_only_reads_records_nothing(snapshots: Snapshots) -> None:
    keeper = snapshots.step()
    for tool in ("read", "grep", "todowrite", "write", "bash"):
        await keeper.admit(tool)
    assert (keeper.before, await keeper.finish()) == (None, None)


async def test_a_file_tool_has_its_own_files_only(project: Path, snapshots: Snapshots) -> None:
    keeper = snapshots.step()
    await keeper.keep(project / "src/a.txt")
    (project / "src/a.txt").write_text("by the tool")
    (project / "README.md").write_text("by somebody else")
    assert await changed(keeper) == ["src/a.txt"]


async def test_what_somebody_wrote_before_the_tool_is_what_it_changes(project: Path, snapshots: Snapshots) -> None:
    await snapshots.step().keep(project / "src/a.txt")
    (project / "src/a.txt").write_text("by hand")
    keeper = snapshots.step()
    await keeper.keep(project / "src/a.txt")
    before = keeper.before
    (project / "src/a.txt").write_text("by the tool")
    await keeper.finish()
    assert snapshots.store is not None and before is not None
    blob = (await snapshots.store.entries(before, ["src/a.txt"]))["src/a.txt"].blob
    assert (await snapshots.store.read([blob]))[blob] == b"by hand"


async def test_a_file_written_twice_is_kept_as_it_was_first(project: Path, snapshots: Snapshots) -> None:
    keeper = snapshots.step()
    for text in ("one", "two"):
        await keeper.keep(project / "new.txt")
        (project / "new.txt").write_text(text)
    recorded = await keeper.finish()
    assert recorded is not None
    assert [(change.path, change.before.exists) for change in recorded.changes] == [("new.txt", False)]


async def test_a_program_may_change_anything(project: Path, snapshots: Snapshots) -> None:
    keeper = snapshots.step()
    await keeper.keep(project / "src/a.txt")
    (project / "src/a.txt").write_text("by the tool")
    (project / "README.md").write_text("by hand, before the program")
    command = Command(["/bin/sh", "-c", "echo x > made; rm src/deep/b.txt"], str(project), {"PATH": "/usr/bin:/bin"})
    await keeper.guard("bash", LocalExec()).run(command, on_stdout=_ignore)
    assert await changed(keeper) == ["made", "src/a.txt", "src/deep/b.txt"]


async def test_other_tools_count_as_programs(project: Path, snapshots: Snapshots) -> None:
    keeper = snapshots.step()
    await keeper.admit("some_tool_of_a_server")
    (project / "made").write_text("x")
    assert await changed(keeper) == ["made"]


async def test_an_ignored_file_that_a_tool_writes_is_kept(project: Path, snapshots: Snapshots) -> None:
    (project / "out").mkdir()
    keeper = snapshots.step()
    await keeper.keep(project / "out/kept.txt")
    (project / "out/kept.txt").write_text("x")
    (project / "out/not.txt").write_text("x")
    assert await changed(keeper) == ["out/kept.txt"]


async def test_files_that_are_only_ignored_no_longer_were_not_made(project: Path, snapshots: Snapshots) -> None:
    (project / "out").mkdir()
    (project / "out/precious").write_text("x")
    await trio.sleep(0.05)  # the clock of files is coarse
    keeper = snapshots.step()
    await keeper.open()
    (project / ".gitignore").write_text("")
    (project / "out/made").write_text("x")
    assert await changed(keeper) == [".gitignore", "out/made"]


async def test_a_file_that_was_too_large_was_not_made(project: Path) -> None:
    snapshots = snapshots_of(project, file_mb=1)
    for name in ("by-tool", "by-program"):
        (project / name).write_bytes(b"x" * (2 << 20))
    keeper = snapshots.step()
    await keeper.keep(project / "by-tool")
    (project / "by-tool").write_text("small")
    await keeper.open()
    (project / "by-program").write_text("small")
    assert await changed(keeper) == []


@pytest.mark.parametrize("path", ["/etc/passwd", "{project}/.git/config", "{project}/outward/x", "{project}/../beside"])
async def test_what_is_not_of_the_worktree_is_not_kept(project: Path, snapshots: Snapshots, path: str) -> None:
    (project / "outward").symlink_to("/tmp")
    keeper = snapshots.step()
    await keeper.keep(Path(path.format(project=project)))
    assert keeper.before is None


async def test_calls_side_by_side_share_one_look(project: Path, snapshots: Snapshots) -> None:
    keeper = snapshots.step()
    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(keeper.open)
        nursery.start_soon(keeper.keep, project / "src/a.txt")
    (project / "src/a.txt").write_text("x")
    assert await changed(keeper) == ["src/a.txt"]


async def test_a_tree_that_is_too_large_is_looked_at_once(project: Path) -> None:
    for n in range(5):
        (project / f"{n}").touch()
    snapshots = snapshots_of(project, files=3)
    keeper = snapshots.step()
    await keeper.open()
    assert "[snapshots] files" in snapshots.problem
    snapshots.begin(wanted=True, tree=None)
    assert not snapshots.usable
    assert await keeper.finish() is None


async def test_a_project_can_do_without(project: Path, snapshots: Snapshots) -> None:
    snapshots.begin(wanted=False, tree=None)
    keeper = snapshots.step()
    await keeper.open()
    await keeper.keep(project / "README.md")
    assert (keeper.before, snapshots.usable) == (None, False)
    assert "configuration" in snapshots.problem


async def test_the_first_look_is_not_waited_for_long(project: Path, snapshots: Snapshots) -> None:
    async with trio.open_nursery() as nursery:
        snapshots.look(nursery)
        tree = await snapshots.known()
    assert tree is not None
    assert await snapshots.known() == tree


async def test_old_snapshots_are_forgotten_after_turns_that_recorded(project: Path, snapshots: Snapshots) -> None:
    collected = Path(place_of(project).directory) / "collected"
    await snapshots.tidy()
    assert not collected.exists()
    await snapshots.step().keep(project / "README.md")
    await snapshots.tidy()
    assert collected.exists()


async def test_more_than_may_be_kept_ends_it(project: Path) -> None:
    snapshots = snapshots_of(project, store_mb=1)
    (project / "noise").write_bytes(os.urandom(3 << 20))
    await snapshots.step().open()
    await snapshots.tidy()
    assert "store_mb" in snapshots.problem


async def _ignore(chunk: bytes) -> None:
    pass
