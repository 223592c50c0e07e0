import pytest
import trio

from oad.workers.tools.edit import EditArgs, EditTool
from oad.workers.tools.read import ReadArgs, ReadTool
from oad.workers.tools.tool import Rejected, ToolFailed
from oad.workers.watching.state import state_of

from .conftest import Recorder

edit = EditTool()


def args(old: str, new: str, path: str = "src/a.txt", *, every: bool | None = None) -> EditArgs:
    return EditArgs(file_path=path, old_string=old, new_string=new, replace_all=every)


async def test_edits_asks_and_announces(recorder: Recorder) -> None:
    path = recorder.root / "proj/src/a.txt"
    result = await edit.run(args("beta", "BETA", str(path)), recorder.context())
    assert path.read_text() == "alpha\nBETA\ngamma\n"
    head = f"Index: {path}\n{'=' * 67}\n--- {path}\n+++ {path}\n"
    patch = head + "@@ -1,3 +1,3 @@\n alpha\n-beta\n+BETA\n gamma\n"
    filediff = {"file": str(path), "patch": patch, "additions": 1, "deletions": 1}
    assert (result.title, result.output) == ("src/a.txt", "Edit applied successfully.")
    assert result.metadata == {"diff": patch, "filediff": filediff, "diagnostics": {}, "truncated": False}
    assert recorder.asked == [("edit", ["src/a.txt"], ["*"], {"filepath": str(path), "diff": patch})]
    assert recorder.events == [
        ("file.edited", {"file": str(path)}),
        ("file.watcher.updated", {"file": str(path), "event": "change", "state": state_of(str(path))}),
    ]


async def test_crlf_and_mark_survive(recorder: Recorder) -> None:
    path = recorder.root / "proj/w.txt"
    path.write_bytes(b"\xef\xbb\xbfone\r\ntwo\r\nthree\r\n")
    await edit.run(args("one\ntwo", "1\n2", "w.txt"), recorder.context())
    assert path.read_bytes() == b"\xef\xbb\xbf1\r\n2\r\nthree\r\n"


async def test_undecodable_bytes_survive(recorder: Recorder) -> None:
    path = recorder.root / "proj/l.txt"
    path.write_bytes(b"caf\xe9\nx\n")
    result = await edit.run(args("x", "y", "l.txt"), recorder.context())
    assert path.read_bytes() == b"caf\xe9\ny\n"
    assert "caf\ufffd" in result.metadata["diff"]


@pytest.mark.parametrize(
    ("old", "new", "path", "message"),
    [
        ("a", "a", "src/a.txt", "same"),
        ("a", "b", "src/a.txt", "places"),
        ("zzz", "b", "src/a.txt", "not found in the file"),
        ("", "b", "src/a.txt", "empty"),
        ("x", "b", "missing.txt", "File not found"),
        ("x", "b", "src", "directory"),
        ("x", "b", "bin", "binary"),
    ],
)
async def test_clear_errors(recorder: Recorder, old: str, new: str, path: str, message: str) -> None:
    (recorder.root / "proj/bin").write_bytes(b"x\0")
    with pytest.raises(ToolFailed, match=message):
        await edit.run(args(old, new, path), recorder.context())
    assert recorder.asked == []


async def test_empty_old_string_creates(recorder: Recorder) -> None:
    await edit.run(args("", "new\n", "deep/er/n.txt"), recorder.context())
    assert (recorder.root / "proj/deep/er/n.txt").read_text() == "new\n"


async def test_a_change_since_reading_is_refused(recorder: Recorder) -> None:
    path = recorder.root / "proj/src/a.txt"
    await ReadTool().run(ReadArgs(file_path=str(path)), recorder.context())
    path.write_text("alpha\nbeta\nmore\n")
    with pytest.raises(ToolFailed, match="changed since"):
        await edit.run(args("beta", "B"), recorder.context())
    await ReadTool().run(ReadArgs(file_path=str(path)), recorder.context())
    await edit.run(args("beta", "B"), recorder.context())
    await edit.run(args("alpha", "A"), recorder.context())
    assert path.read_text() == "A\nB\nmore\n"


async def test_a_change_while_a_person_decides_is_refused(recorder: Recorder) -> None:
    path = recorder.root / "proj/src/a.txt"
    recorder.on_ask = lambda permission: path.write_text("other\nbeta\n") and None
    with pytest.raises(ToolFailed, match="meantime"):
        await edit.run(args("beta", "B"), recorder.context())
    assert path.read_text() == "other\nbeta\n"


async def test_refused_edit_changes_nothing(recorder: Recorder) -> None:
    def refuse(permission: str) -> None:
        raise Rejected("no", ends_turn=True)

    recorder.on_ask = refuse
    with pytest.raises(Rejected):
        await edit.run(args("beta", "B"), recorder.context())
    assert "beta" in (recorder.root / "proj/src/a.txt").read_text()


async def test_edits_side_by_side_all_land(recorder: Recorder) -> None:
    path = recorder.root / "proj/n.txt"
    path.write_text("".join(f"line{n};\n" for n in range(20)))
    async with trio.open_nursery() as nursery:
        for n in range(20):
            nursery.start_soon(edit.run, args(f"line{n};", f"L{n};", "n.txt"), recorder.context())
    assert path.read_text() == "".join(f"L{n};\n" for n in range(20))
