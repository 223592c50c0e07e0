import pytest

from oad.workers.session.toolcalls import misfit, parse_input

from .fakes import EchoTool


@pytest.mark.parametrize(
    ("raw", "input"),
    [("", {}), ("  ", {}), ("{}", {}), ('{"a": "b\nc"}', {"a": "b\nc"}), ('{"a": {"b": [1]}}', {"a": {"b": [1]}})],
)
def test_arguments(raw: str, input: dict[str, object]) -> None:
    assert parse_input(raw) == (input, None)


@pytest.mark.parametrize("raw", ["{", "[]", "3", "null", '"x"', "\ud800"])
def test_what_is_no_object_is_told(raw: str) -> None:
    input, problem = parse_input(raw)
    assert input == {} and problem is not None


def test_arguments_that_do_not_fit() -> None:
    assert misfit(EchoTool(), {"text": "x"}) is None
    assert "text" in (misfit(EchoTool(), {"text": 3}) or "")
