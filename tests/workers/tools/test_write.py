import pytest

from oad.workers.tools.tool import Rejected
from oad.workers.tools.write import WriteArgs, WriteTool

from .conftest import Recorder

write = WriteTool()


async def test_new_file(recorder: Recorder) -> None:
    path = recorder.root / "proj/new.txt"
    result = await write.run(WriteArgs(file_path=str(path), content="new\n"), recorder.context())
    assert path.read_text() == "new\n"
    assert (result.title, result.output) == ("new.txt", "Wrote file successfully.")
    assert result.metadata == {"diagnostics": {}, "filepath": str(path), "exists": False, "truncated": False}
    ((permission, patterns, _, metadata),) = recorder.asked
    assert (permission, patterns) == ("edit", ["new.txt"])
    assert metadata["diff"].endswith("@@ -0,0 +1,1 @@\n+new\n")
    assert recorder.events[1][1]["event"] == "add"


async def test_replacing_keeps_line_ends_and_mark(recorder: Recorder) -> None:
    path = recorder.root / "proj/w.txt"
    path.write_bytes(b"\xef\xbb\xbfa\r\nb\r\n")
    result = await write.run(WriteArgs(file_path="w.txt", content="c\nd\n"), recorder.context())
    assert path.read_bytes() == b"\xef\xbb\xbfc\r\nd\r\n"
    assert result.metadata["exists"] is True


async def test_outside_is_asked_first(recorder: Recorder) -> None:
    def refuse(permission: str) -> None:
        raise Rejected("no", ends_turn=True)

    recorder.on_ask = refuse
    with pytest.raises(Rejected):
        await write.run(WriteArgs(file_path="../out.txt", content="x"), recorder.context())
    ((permission, patterns, always, metadata),) = recorder.asked
    assert permission == "external_directory"
    assert patterns == always == [f"{recorder.root}/*"]
    assert metadata == {"filepath": f"{recorder.root}/out.txt", "parentDir": str(recorder.root)}
    assert not (recorder.root / "out.txt").exists()


async def test_a_link_out_of_the_workspace_is_outside(recorder: Recorder) -> None:
    (recorder.root / "elsewhere").mkdir()
    (recorder.root / "proj/link").symlink_to(recorder.root / "elsewhere")
    await write.run(WriteArgs(file_path="link/x", content="x"), recorder.context())
    assert recorder.asked[0][:2] == ("external_directory", [f"{recorder.root}/elsewhere/*"])
