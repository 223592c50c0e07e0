from oad.workers.tools.page_text import as_markdown, as_text

PAGE = """<html><head><title>t</title><style>x{}</style></head><body><h1>Head</h1><script>bad()</script>
<p>Some <b>bold</b> <a href="/x">link</a></p><ul><li>one</li><li>two</li></ul></body></html>"""


def test_markdown() -> None:
    text = as_markdown(PAGE)
    assert "# Head" in text
    assert "**bold** [link](/x)" in text
    assert "- one" in text
    assert "bad()" not in text


def test_text() -> None:
    assert as_text(PAGE).split("\n") == ["t", "Head", "Some", "bold", "link", "one", "two"]


def test_deep_markup_falls_back_to_text() -> None:
    assert "deep" in as_markdown("<div>" * 3000 + "deep" + "</div>" * 3000)
