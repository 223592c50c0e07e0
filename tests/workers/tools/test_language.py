from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio

from oad.contract.errors import unavailable
from oad.contract.files import Position, Range
from oad.contract.language import Diagnostic, Touch
from oad.workers.tools.apply_patch import ApplyPatchArgs, ApplyPatchTool
from oad.workers.tools.edit import EditArgs, EditTool
from oad.workers.tools.language import report, report_others
from oad.workers.tools.read import ReadArgs, ReadTool
from oad.workers.tools.write import WriteArgs, WriteTool

from .conftest import Recorder


def diagnostic(message: str, line: int = 0, severity: int | None = 1) -> Diagnostic:
    at = Position(line=line, character=2)
    return Diagnostic(range=Range(start=at, end=at), message=message, severity=severity)


def is_own(name: str) -> bool:
    return name.endswith(".own")


def is_nothing(name: str) -> bool:
    return False


def know(recorder: Recorder, **known: list[Diagnostic]) -> dict[str, list[Diagnostic]]:
    """What servers say when they are asked."""
    found = {str(recorder.root / "proj" / f"{name}.own"): diagnostics for name, diagnostics in known.items()}
    recorder.services["language"] = is_own
    recorder.answers["lsp.touch"] = lambda body: msgspec.json.encode(found)
    return found


def touched(recorder: Recorder) -> list[tuple[list[str], bool]]:
    bodies = [msgspec.json.decode(body, type=Touch) for op, _, body in recorder.calls if op == "lsp.touch"]
    return [([Path(file).name for file in touch.files], touch.wait) for touch in bodies]


async def test_write(recorder: Recorder) -> None:
    found = know(recorder, a=[diagnostic("bad word", 1), diagnostic("meh", severity=2)], b=[diagnostic("there")], c=[])
    result = await WriteTool().run(WriteArgs(file_path="a.own", content="x"), recorder.context())
    a, b, _ = found
    assert result.output == (
        "Wrote file successfully.\n\n"
        f'LSP errors detected in this file, please fix:\n<diagnostics file="{a}">\nERROR [2:3] bad word\n'
        f'</diagnostics>\n\nLSP errors detected in other files:\n<diagnostics file="{b}">\nERROR [1:3] there\n'
        "</diagnostics>"
    )
    assert result.metadata["diagnostics"] == found
    assert touched(recorder) == [(["a.own"], True)]


async def test_edit_tells_of_its_own_file_only(recorder: Recorder) -> None:
    found = know(recorder, a=[diagnostic("bad")], b=[diagnostic("there")])
    (recorder.root / "proj/a.own").write_text("x")
    args = EditArgs(file_path="a.own", old_string="x", new_string="y")
    result = await EditTool().run(args, recorder.context())
    assert result.output.count("ERROR") == 1
    assert result.metadata["diagnostics"] == found


async def test_patch_tells_of_all_its_files(recorder: Recorder) -> None:
    know(recorder, a=[diagnostic("one")], b=[diagnostic("two")], c=[diagnostic("three")])
    (recorder.root / "proj/gone.own").write_text("x")
    patch = (
        "*** Begin Patch\n*** Add File: a.own\n+1\n*** Add File: b.own\n+2\n*** Delete File: gone.own\n*** End Patch"
    )
    result = await ApplyPatchTool().run(ApplyPatchArgs(patch_text=patch), recorder.context())
    assert result.output.count("ERROR") == 2
    assert touched(recorder) == [(["a.own", "b.own", "gone.own"], True)]


async def test_read_only_tells_them(recorder: Recorder) -> None:
    know(recorder)
    (recorder.root / "proj/a.own").write_text("x")
    await ReadTool().run(ReadArgs(file_path="a.own"), recorder.context())
    await ReadTool().run(ReadArgs(file_path="."), recorder.context())
    await ReadTool().run(ReadArgs(file_path="src/a.txt"), recorder.context())
    assert touched(recorder) == [(["a.own"], False)]


@pytest.mark.parametrize("serves", [None, is_nothing])
async def test_nobody_is_asked_without_servers_for_the_file(serves: Any, recorder: Recorder) -> None:
    if serves is not None:
        recorder.services["language"] = serves
    result = await WriteTool().run(WriteArgs(file_path="a.own", content="x"), recorder.context())
    assert result.metadata["diagnostics"] == {}
    assert recorder.calls == []


async def test_an_edit_does_not_need_them(recorder: Recorder) -> None:
    def fail(body: bytes) -> bytes:
        raise unavailable("no worker")

    know(recorder)
    recorder.answers["lsp.touch"] = fail
    result = await WriteTool().run(WriteArgs(file_path="a.own", content="x"), recorder.context())
    assert result.output == "Wrote file successfully."


async def test_a_change_stands_when_the_call_is_aborted_meanwhile(recorder: Recorder) -> None:
    with trio.CancelScope() as scope:

        def abort(body: bytes) -> bytes:
            scope.cancel()
            raise unavailable("aborted")

        know(recorder)
        recorder.answers["lsp.touch"] = abort
        await WriteTool().run(WriteArgs(file_path="a.own", content="x"), recorder.context())
        await trio.lowlevel.checkpoint()
    (settled,) = recorder.settled
    assert (settled.output, settled.metadata["exists"]) == ("Wrote file successfully.", False)


def test_reports_are_bounded() -> None:
    many = {f"/{number}": [diagnostic("x")] * 30 for number in range(10)}
    (section,) = report(many, Path("/0"))
    assert (section.count("ERROR"), "... and 10 more" in section) == (20, True)
    assert len(report_others(many, Path("/0"))) == 5
    assert report({"/0": [diagnostic("x", severity=None)]}, Path("/0")) != []
    assert report({}, Path("/0")) == []
