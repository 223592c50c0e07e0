import pytest

from oad.workers.tools.ripgrep import binary, run_ripgrep
from oad.workers.tools.tool import ToolFailed

from .conftest import Recorder


async def test_records_arrive_until_there_are_enough(recorder: Recorder) -> None:
    found: list[bytes] = []

    def take(record: bytes) -> bool:
        found.append(record)
        return len(found) < 2

    project = recorder.root / "proj"
    await run_ripgrep(recorder.context().exec, project, ["--no-filename", ".", "src/a.txt"], b"\n", take)
    assert found == [b"alpha", b"beta"]


async def test_it_is_the_bundled_one_and_failures_are_told(recorder: Recorder) -> None:
    assert binary().endswith("/rg")
    with pytest.raises(ToolFailed):
        await run_ripgrep(
            recorder.context().exec, recorder.root / "proj", ["--no-such-flag"], b"\n", lambda record: True
        )
    with pytest.raises(ToolFailed, match="could not be started"):
        await run_ripgrep(recorder.context().exec, recorder.root / "gone", ["x"], b"\n", lambda record: True)
