from oad.workers.tools.download import Page


def test_character_sets() -> None:
    assert Page("u", "text/html; charset=iso-8859-1", b"caf\xe9").text() == "café"
    assert Page("u", 'text/html; charset="utf-8"', "é".encode()).text() == "é"
    assert Page("u", "text/html; charset=no-such", "é".encode()).text() == "é"
    assert Page("u", "Text/HTML; charset=x", b"").mime == "text/html"
