import os

import pytest
import trio

from oad.workers.tools.glob import GlobArgs, GlobTool
from oad.workers.tools.tool import ToolFailed

from .conftest import Recorder

glob = GlobTool()


async def test_finds_newest_first(recorder: Recorder) -> None:
    project = recorder.root / "proj"
    (project / "new.txt").write_text("")
    (project / "other.md").write_text("")
    os.utime(project / "src/a.txt", (1, 1))
    result = await glob.run(GlobArgs(pattern="**/*.txt"), recorder.context())
    assert result.output == f"{project}/new.txt\n{project}/src/a.txt"
    assert (result.title, result.metadata) == ("", {"count": 2, "truncated": False})
    assert recorder.asked == [("glob", ["**/*.txt"], ["*"], {"pattern": "**/*.txt"})]


async def test_path_absolute_pattern_and_nothing(recorder: Recorder) -> None:
    project = recorder.root / "proj"
    result = await glob.run(GlobArgs(pattern="*.txt", path="src"), recorder.context())
    assert (result.title, result.output) == ("src", f"{project}/src/a.txt")
    assert recorder.asked[0][3] == {"pattern": "*.txt", "path": "src"}
    assert (await glob.run(GlobArgs(pattern=f"{project}/src/*.txt"), recorder.context())).metadata["count"] == 1
    assert (await glob.run(GlobArgs(pattern="*.nope"), recorder.context())).output == "No files found"
    with pytest.raises(ToolFailed, match="no directory"):
        await glob.run(GlobArgs(pattern="*", path="nope"), recorder.context())
    with pytest.raises(ToolFailed, match="not a directory"):
        await glob.run(GlobArgs(pattern="*", path="src/a.txt"), recorder.context())


async def test_many_are_cut_and_odd_names_survive(recorder: Recorder) -> None:
    for n in range(120):
        (recorder.root / f"proj/f{n}.x").write_text("")
    (recorder.root / "proj/new\nline.y").write_text("")
    result = await glob.run(GlobArgs(pattern="*.x"), recorder.context())
    assert result.metadata == {"count": 100, "truncated": True}
    assert "100 of 120" in result.output
    assert (await glob.run(GlobArgs(pattern="*.y"), recorder.context())).metadata["count"] == 1


async def test_cancellation_ends_the_search(recorder: Recorder) -> None:
    started = trio.Event()

    class Endless:
        async def run(self, command: object, **options: object) -> None:
            started.set()
            await trio.sleep_forever()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(glob.run, GlobArgs(pattern="*"), recorder.context(exec=Endless()))
        await started.wait()
        nursery.cancel_scope.cancel()
