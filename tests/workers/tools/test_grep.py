import os

import pytest

from oad.workers.tools.grep import GrepArgs, GrepTool
from oad.workers.tools.tool import ToolFailed

from .conftest import Recorder

grep = GrepTool()


async def test_finds_lines_in_newest_files_first(recorder: Recorder) -> None:
    project = recorder.root / "proj"
    os.utime(project / "src/a.txt", (1, 1))
    (project / "b.txt").write_text("x beta\nbeta y\n")
    result = await grep.run(GrepArgs(pattern="beta"), recorder.context())
    assert result.output == (
        f"Found 3 matches\n{project}/b.txt:\n  Line 1: x beta\n  Line 2: beta y\n\n"
        f"{project}/src/a.txt:\n  Line 2: beta\n"
    )
    assert (result.title, result.metadata) == ("beta", {"matches": 3, "truncated": False})
    assert recorder.asked == [("grep", ["beta"], ["*"], {"pattern": "beta"})]


async def test_include_file_path_and_nothing(recorder: Recorder) -> None:
    project = recorder.root / "proj"
    (project / "b.py").write_text("beta\n")
    only = await grep.run(GrepArgs(pattern="beta", include="*.py"), recorder.context())
    assert only.output == f"Found 1 matches\n{project}/b.py:\n  Line 1: beta\n"
    one = await grep.run(GrepArgs(pattern="beta", path="src/a.txt"), recorder.context())
    assert one.output == f"Found 1 matches\n{project}/src/a.txt:\n  Line 2: beta\n"
    none = await grep.run(GrepArgs(pattern="-absent"), recorder.context())
    assert (none.output, none.metadata["matches"]) == ("No files found", 0)


async def test_bad_pattern_is_explained(recorder: Recorder) -> None:
    with pytest.raises(ToolFailed, match="unclosed"):
        await grep.run(GrepArgs(pattern="(a"), recorder.context())


async def test_many_matches_are_cut(recorder: Recorder) -> None:
    (recorder.root / "proj/many").write_text("hit\n" * 9000)
    result = await grep.run(GrepArgs(pattern="hit"), recorder.context())
    assert result.metadata == {"matches": 100, "truncated": True}
    assert result.output.count("Line ") == 100
    assert "or more" in result.output


async def test_outside_is_asked(recorder: Recorder) -> None:
    await grep.run(GrepArgs(pattern="x", path=str(recorder.root / "scratch/..")), recorder.context())
    assert recorder.asked[1][:2] == ("external_directory", [f"{recorder.root}/*"])
