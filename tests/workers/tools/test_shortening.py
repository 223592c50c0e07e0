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
