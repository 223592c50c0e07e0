from typing import Annotated, Any, Literal

import msgspec
import pytest

from oad.cli.settings.shapes import describe, find_mistakes, parse_text
from oad.contract.oauth import OAuthMethod

Small = Annotated[int, msgspec.Meta(ge=1, le=64)]
Amount = Annotated[float, msgspec.Meta(gt=0)] | None
Choice = Literal["a", "b", "c"]


@pytest.mark.parametrize(
    ("kind", "value", "said"),
    [
        (Small, 65, "expected whole number from 1 to 64, found 65"),
        (Small, True, "expected whole number from 1 to 64, found true"),
        (Small, 1.5, "expected whole number from 1 to 64, found 1.5"),
        (Amount, 0, "expected number above 0, found 0"),
        (Amount, float("inf"), "expected a number that is finite, found inf"),
        (Choice, "d", 'expected "a", "b" or "c", found "d"'),
        (bool, "yes", 'expected true or false, found "yes"'),
        (str, ["x"], "expected text, found a list"),
        (tuple[str, ...], "x", 'expected list of text, found "x"'),
        (list[str], {}, "expected list of text, found a table"),
        (OAuthMethod, 1, "expected table, found 1"),
        (tuple[OAuthMethod, ...], [1], "expected table, found 1"),
    ],
)
def test_what_does_not_fit(kind: Any, value: object, said: str) -> None:
    assert [mistake.text for mistake in find_mistakes(kind, value, ("k",))] == [said]


@pytest.mark.parametrize(
    ("kind", "value"), [(Small, 64), (Amount, 1), (Amount, 0.5), (Choice, "c"), (bool, False), (tuple[str, ...], [])]
)
def test_what_fits(kind: Any, value: object) -> None:
    assert list(find_mistakes(kind, value, ("k",))) == []


def test_everything_is_found_with_its_place() -> None:
    value = [
        {"label": 1, "flow": "x", "scope": [], "scopes": ["a", 2], "parameters": {"p": 3}, "prompts": [{"key": "k"}]}
    ]
    found = {mistake.path: mistake.text for mistake in find_mistakes(tuple[OAuthMethod, ...], value, ())}
    assert found.pop((0, "prompts", 0))
    assert found == {
        (0, "label"): "expected text, found 1",
        (0, "flow"): 'expected "loopback", "code" or "device", found "x"',
        (0, "scope"): "there is no such key; did you mean scopes?",
        (0, "scopes", 1): "expected text, found 2",
        (0, "parameters", "p"): "expected text, found 3",
        (0,): "token_url is missing",
    }


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (Small, " 3 ", 3),
        (Small, "three", "three"),
        (Amount, "0.5", 0.5),
        (bool, "TRUE", True),
        (bool, "0", False),
        (bool, "maybe", "maybe"),
        (Choice, "B", "b"),
        (str, " as it is ", " as it is "),
        (tuple[str, ...], "a, b,,c", ["a", "b", "c"]),
        (list[str], '["a,b", "c"]', ["a,b", "c"]),
        (tuple[str, ...] | None, '["a', '["a'),
    ],
)
def test_texts_as_values(kind: Any, text: str, value: object) -> None:
    assert parse_text(kind, text) == value


def test_names_of_types() -> None:
    assert describe(Annotated[str, msgspec.Meta(min_length=1)]) == "text that is not empty"
    assert describe(tuple[OAuthMethod, ...]) == "list of tables"
