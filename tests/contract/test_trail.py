import pytest

from oad.contract.trail import SESSION, TRAIL, Trail, enter, sane_request_id, sane_traceparent

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.mark.parametrize("text", ["a", "req_1", "7f3c-11", "a/b:c=@.+", "x" * 128])
def test_harmless_ids_are_taken(text: str) -> None:
    assert sane_request_id(text) == text


@pytest.mark.parametrize("text", [None, "", "x" * 129, "a b", "a\n", '"', "-a", "ä", "a,b"])
def test_others_are_not(text: str | None) -> None:
    assert sane_request_id(text) is None


@pytest.mark.parametrize(
    ("text", "taken"),
    [
        (PARENT, True),
        (PARENT.upper(), False),
        (PARENT.replace("4bf92f3577b34da6a3ce929d0e0e4736", "0" * 32), False),
        (PARENT.replace("00f067aa0ba902b7", "0" * 16), False),
        ("ff" + PARENT[2:], False),
        (PARENT + "-x", False),
        (None, False),
    ],
)
def test_traceparents(text: str | None, taken: bool) -> None:
    assert sane_traceparent(text) == (text if taken else "")


def test_what_is_entered_holds_until_the_next() -> None:
    enter(Trail("req_1"), "ses_1")
    assert (TRAIL.get().request, SESSION.get()) == ("req_1", "ses_1")
    enter(None)
    assert (TRAIL.get(), SESSION.get()) == (Trail(), "")
