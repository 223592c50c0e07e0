import pytest

from oad.workers.config.tuning import positive, shows_questions


@pytest.mark.parametrize(
    ("text", "value"), [("5", 5), ("", None), ("0", None), ("-1", None), ("1.5", None), ("x", None), ("9" * 20, None)]
)
def test_numbers(text: str, value: int | None) -> None:
    assert positive({"N": text}, "N") == value
    assert positive({}, "N") is None


def test_questions_are_asked_where_a_client_shows_them() -> None:
    assert shows_questions({})
    assert shows_questions({"OPENCODE_CLIENT": "desktop"})
    assert not shows_questions({"OPENCODE_CLIENT": "acp"})
    assert shows_questions({"OPENCODE_CLIENT": "acp", "OPENCODE_ENABLE_QUESTION_TOOL": "true"})
