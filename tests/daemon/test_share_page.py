import re
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from oad.daemon.share_page import render_page

EVIL = "<script>alert(1)</script>\"'><img src=x onerror=y>"


def shown(text: str) -> dict[str, Any]:
    """The text in every place that can come from outside."""
    state = {"status": "completed", "input": {text: text}, "output": text, "title": text}
    parts = [
        {"type": "text", "text": text},
        {"type": "reasoning", "text": text},
        {"type": "tool", "tool": text, "state": state},
        {"type": "file", "filename": text, "mime": text},
        {"type": "patch", "files": [text]},
        {"type": "unheard of", "text": text},
    ]
    error = {"name": text, "data": {"message": text}}
    info = {"role": "assistant", "agent": text, "modelID": text, "error": error}
    return {
        "session": {"title": text, "time": {"created": 1_700_000_000_000}},
        "messages": [{"info": {"role": "user"}, "parts": parts}, {"info": info, "parts": parts}],
    }


def test_what_comes_from_outside_is_escaped_everywhere() -> None:
    page = render_page(shown(EVIL))
    assert "<script" not in page and "<img" not in page
    assert page.count("&lt;script&gt;") > 10
    assert "2023-11-14 22:13 UTC" in page


@given(st.text())
def test_no_text_makes_a_tag_or_an_attribute(text: str) -> None:
    def tags(page: str) -> list[str]:
        return re.findall(r"<[a-z!/][^>]*>", page)

    assert tags(render_page(shown(text))) == tags(render_page(shown("x")))


def test_nothing_is_loaded() -> None:
    assert not re.search(r"(src|href|url\()", render_page(shown("x")))
