import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio

from oad.contract.policy import ShellPolicy
from oad.contract.sandbox import UNCONFINED
from oad.workers.config.settings import Config
from oad.workers.formatters import formatting
from oad.workers.formatters.choice import Formatters
from oad.workers.formatters.formatting import format_file
from oad.workers.tools.apply_patch import ApplyPatchArgs, ApplyPatchTool
from oad.workers.tools.edit import EditArgs, EditTool
from oad.workers.tools.file_text import FileText
from oad.workers.tools.tool import ToolContext
from oad.workers.tools.write import WriteArgs, WriteTool

from ..tools.conftest import Recorder

UPPER = "import sys; f = open(sys.argv[1], 'r+'); t = f.read().upper(); f.seek(0); f.write(t)"


@pytest.fixture
def project(recorder: Recorder) -> Path:
    return recorder.root / "proj"


def give(recorder: Recorder, script: str, **section: Any) -> ToolContext:
    setting = {"own": {"command": [sys.executable, "-c", script, "$FILE"], "extensions": [".up"], **section}}
    config = msgspec.convert({"formatter": setting}, Config)
    root = str(recorder.root / "proj")
    recorder.services["formatters"] = Formatters(config.formatter, root, root, path="", shell=ShellPolicy())
    return recorder.context()


async def test_write_says_what_is_on_disk(recorder: Recorder, project: Path) -> None:
    result = await WriteTool().run(WriteArgs(file_path="a.up", content="quiet\n"), give(recorder, UPPER))
    assert (project / "a.up").read_text() == "QUIET\n"
    assert result.output == "Wrote file successfully."
    assert [type for type, _ in recorder.events] == ["file.edited", "file.watcher.updated"]
    # The model knows the file as it is now: another change of it is no surprise.
    context = recorder.context()
    await WriteTool().run(WriteArgs(file_path="a.up", content="again\n"), context)
    assert (project / "a.up").read_text() == "AGAIN\n"


async def test_edit_shows_the_formatted_change(recorder: Recorder, project: Path) -> None:
    (project / "a.up").write_text("ONE\nTWO\n")
    result = await EditTool().run(
        EditArgs(file_path="a.up", old_string="TWO", new_string="three"), give(recorder, UPPER)
    )
    assert result.metadata["diff"].endswith(" ONE\n-TWO\n+THREE\n")
    assert result.metadata["filediff"]["patch"] == result.metadata["diff"]


async def test_patch_shows_the_formatted_changes(recorder: Recorder, project: Path) -> None:
    (project / "m.up").write_text("M\n")
    patch = "*** Begin Patch\n*** Add File: n.up\n+new\n*** Update File: m.up\n@@\n-M\n+changed\n*** End Patch"
    result = await ApplyPatchTool().run(ApplyPatchArgs(patch_text=patch), give(recorder, UPPER))
    assert (project / "n.up").read_text() == "NEW\n"
    assert "+NEW\n" in result.metadata["diff"]
    assert [each["patch"][-len("+CHANGED\n") :] for each in result.metadata["files"]][1] == "+CHANGED\n"


async def test_only_its_own_files(recorder: Recorder, project: Path) -> None:
    await WriteTool().run(WriteArgs(file_path="a.txt", content="quiet\n"), give(recorder, UPPER))
    assert (project / "a.txt").read_text() == "quiet\n"
    assert not recorder.exec.commands


async def test_environment_and_place(recorder: Recorder, project: Path) -> None:
    script = "import os, sys; open(sys.argv[1], 'w').write(os.environ['WORD'] + os.getcwd())"
    context = give(recorder, script, environment={"WORD": "here "})
    await WriteTool().run(WriteArgs(file_path="a.up", content="x"), context)
    assert (project / "a.up").read_text() == f"here {project}"


async def test_a_failure_is_told_and_costs_nothing(recorder: Recorder, project: Path) -> None:
    context = give(recorder, "print('a.up:1: unexpected'); raise SystemExit(2)")
    result = await WriteTool().run(WriteArgs(file_path="a.up", content="kept\n"), context)
    assert (project / "a.up").read_text() == "kept\n"
    assert result.output == "Wrote file successfully.\n\nThe formatter own failed: a.up:1: unexpected"


async def test_one_that_is_missing_is_told(recorder: Recorder, project: Path) -> None:
    context = give(recorder, "", command=["/nowhere/formatter", "$FILE"])
    result = await WriteTool().run(WriteArgs(file_path="a.up", content="kept\n"), context)
    assert "The formatter own failed: " in result.output
    assert (project / "a.up").read_text() == "kept\n"


@pytest.mark.parametrize(
    "script",
    [
        "import sys, time; open(sys.argv[1], 'w').write('ha'); time.sleep(60)",
        "import os, sys; open(sys.argv[1], 'w').write('ha'); os.kill(os.getpid(), 9)",
        "import sys; open(sys.argv[1], 'w'); raise SystemExit(1)",
        "import os, sys; os.unlink(sys.argv[1])",
    ],
)
async def test_half_done_work_is_undone(
    script: str, recorder: Recorder, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(formatting, "TIMEOUT_S", 0.4)
    context = give(recorder, script)
    result = await WriteTool().run(WriteArgs(file_path="a.up", content="whole\n"), context)
    assert (project / "a.up").read_text() == "whole\n"
    assert result.output.startswith("Wrote file successfully.")


async def test_what_a_complaining_formatter_mended_stays(recorder: Recorder, project: Path) -> None:
    context = give(recorder, UPPER + "; raise SystemExit(1)")
    await WriteTool().run(WriteArgs(file_path="a.up", content="mended\n"), context)
    assert (project / "a.up").read_text() == "MENDED\n"


async def test_an_aborted_call_still_announces_what_it_wrote(recorder: Recorder, project: Path) -> None:
    context = give(recorder, "import time; time.sleep(60)")
    with trio.CancelScope() as scope:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(WriteTool().run, WriteArgs(file_path="a.up", content="x\n"), context)
            while not recorder.exec.commands:
                await trio.lowlevel.checkpoint()
            scope.cancel()
    assert (project / "a.up").read_text() == "x\n"
    assert recorder.events[0] == ("file.edited", {"file": str(project / "a.up")})


async def test_nothing_outside_of_a_sandbox_or_read_only(recorder: Recorder, project: Path) -> None:
    (project / "a.up").write_text("x")
    give(recorder, UPPER)
    for profile, outside in (("workspace", True), ("read-only", False)):
        confinement = msgspec.structs.replace(UNCONFINED, profile=profile)
        context = recorder.context(confinement=confinement)
        assert await format_file(context, project / "a.up", FileText("x"), outside=outside) == (FileText("x"), [])
    assert not recorder.exec.commands
