import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from oad.workers.tools.read import ReadArgs, ReadTool
from oad.workers.tools.tool import ToolFailed

from .conftest import Recorder

read = ReadTool()


async def test_file(recorder: Recorder) -> None:
    path = recorder.root / "proj/src/a.txt"
    result = await read.run(ReadArgs(file_path=str(path)), recorder.context())
    assert result.title == "src/a.txt"
    assert result.output == (
        f"<path>{path}</path>\n<type>file</type>\n<content>\n"
        "1: alpha\n2: beta\n3: gamma\n\n(End of file - total 3 lines)\n</content>"
    )
    text = "alpha\nbeta\ngamma"
    shown = {"lineStart": 1, "lineEnd": 3, "totalLines": 3, "truncated": False}
    display = {"type": "file", "path": str(path), "text": text, **shown}
    assert result.metadata == {"preview": text, "truncated": False, "loaded": [], "display": display}
    assert recorder.asked == [("read", ["src/a.txt"], ["*"], {})]


async def test_window(recorder: Recorder) -> None:
    result = await read.run(ReadArgs(file_path="src/a.txt", offset=2, limit=1), recorder.context())
    assert "\n2: beta\n\n(Showing lines 2-2 of 3. Use offset=3 to go on.)\n" in result.output
    assert result.metadata["truncated"] is True
    with pytest.raises(ToolFailed, match="beyond the end"):
        await read.run(ReadArgs(file_path="src/a.txt", offset=9), recorder.context())


async def test_directory(recorder: Recorder) -> None:
    (recorder.root / "proj/src/sub").mkdir()
    path = recorder.root / "proj/src"
    result = await read.run(ReadArgs(file_path=str(path)), recorder.context())
    assert result.output == (
        f"<path>{path}</path>\n<type>directory</type>\n<entries>\na.txt\nsub/\n\n(2 entries)\n</entries>"
    )


async def test_image_is_attached(recorder: Recorder) -> None:
    (recorder.root / "proj/i.png").write_bytes(b"\x89PNG\r\n\x1a\nrest")
    result = await read.run(ReadArgs(file_path="i.png"), recorder.context())
    assert result.attachments is not None
    (part,) = result.attachments
    assert (part.mime, part.filename, part.message_id) == ("image/png", "i.png", "msg_1")
    assert part.url.startswith("data:image/png;base64,")


async def test_refuses_binary_devices_and_pipes(recorder: Recorder) -> None:
    (recorder.root / "proj/b.bin").write_bytes(bytes(range(256)))
    os.mkfifo(recorder.root / "proj/pipe")
    for path, message in [("b.bin", "binary"), ("pipe", "neither"), ("/dev/zero", "neither"), ("a\0b", "NUL")]:
        with pytest.raises(ToolFailed, match=message):
            await read.run(ReadArgs(file_path=path), recorder.context())


async def test_missing_file_suggests_names(recorder: Recorder) -> None:
    with pytest.raises(ToolFailed) as caught:
        await read.run(ReadArgs(file_path="src/A.TXT"), recorder.context())
    assert str(caught.value).startswith(f"File not found: {recorder.root}/proj/src/A.TXT")
    assert f"{recorder.root}/proj/src/a.txt" in str(caught.value)


async def test_outside_asks_twice(recorder: Recorder) -> None:
    outside = recorder.root / "outside"
    outside.mkdir()
    (outside / "r.md").write_text("x\n")
    result = await read.run(ReadArgs(file_path=str(outside / "r.md")), recorder.context())
    assert result.title == "../outside/r.md"
    assert [each[:2] for each in recorder.asked] == [
        ("external_directory", [f"{outside}/*"]),
        ("read", ["../outside/r.md"]),
    ]


async def test_kept_tool_output_is_inside(recorder: Recorder) -> None:
    kept = recorder.root / "scratch/tool-output"
    kept.mkdir()
    (kept / "o").write_text("x\n")
    await read.run(ReadArgs(file_path=str(kept / "o")), recorder.context())
    assert [each[0] for each in recorder.asked] == ["read"]


async def test_instructions_come_once(recorder: Recorder) -> None:
    def near(path: Path) -> list[SimpleNamespace]:
        return [SimpleNamespace(path=str(path.parent / "AGENTS.md"), text="be kind")]

    recorder.services["instructions_near"] = near
    first = await read.run(ReadArgs(file_path="src/a.txt"), recorder.context())
    again = await read.run(ReadArgs(file_path="src/a.txt"), recorder.context())
    assert first.metadata["loaded"] == [f"{recorder.root}/proj/src/AGENTS.md"]
    assert "be kind" in first.output
    assert "be kind" not in again.output
