from oad.workers.config.settings import ToolOutputSection
from oad.workers.tools.shortening import shorten

from .conftest import Recorder


async def test_short_text_stays(recorder: Recorder) -> None:
    shown = await shorten(recorder.context(), "a\nb")
    assert (shown.text, shown.truncated, shown.file) == ("a\nb", False, None)


async def test_long_text_is_kept_whole_in_a_file(recorder: Recorder) -> None:
    text = "".join(f"{n}\n" for n in range(5000))
    shown = await shorten(recorder.context(), text)
    assert shown.truncated
    assert shown.text.startswith("0\n1\n")
    assert "\n1999\n" in shown.text
    assert "\n2000\n" not in shown.text
    assert shown.file is not None
    assert str(shown.file) in shown.text
    assert shown.file.read_text() == text


async def test_what_is_long_is_configured(recorder: Recorder) -> None:
    recorder.services["tool_output"] = ToolOutputSection(max_lines=2, max_bytes=100)
    assert (await shorten(recorder.context(), "1\n2\n3\n")).text.startswith("1\n2\n\n\n[")
    assert (await shorten(recorder.context(), "x" * 101)).text.startswith("x" * 100 + "\n\n[")
    assert not (await shorten(recorder.context(), "x" * 100)).truncated
