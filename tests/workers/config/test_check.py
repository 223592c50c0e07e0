from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oad.workers.config.check import find_issues
from oad.workers.config.settings import Config


def paths(config: Any) -> list[list[str | int]]:
    return [issue.path for issue in find_issues(Config, config)]


def test_valid() -> None:
    valid = {
        "model": "a/b",
        "permission": {"bash": {"*": "ask"}, "edit": "deny"},
        "agent": {"x": {"steps": 3, "temperature": 1, "anything": [1]}},
        "formatter": {"x": {"command": ["y"]}},
        "unknown": {"deep": 1},
        "mcp": {"x": {"enabled": False}},
        "snapshot": None,
    }
    assert paths(valid) == []


@pytest.mark.parametrize(
    ("config", "path"),
    [
        ({"model": 5}, ["model"]),
        ({"permission": "maybe"}, ["permission"]),
        ({"permission": {"bash": "maybe"}}, ["permission", "bash"]),
        ({"permission": {"bash": {"git *": "maybe"}}}, ["permission", "bash", "git *"]),
        ({"agent": {"x": {"steps": "3"}}}, ["agent", "x", "steps"]),
        ({"agent": {"x": {"mode": "other"}}}, ["agent", "x", "mode"]),
        ({"agent": {"x": 5}}, ["agent", "x"]),
        ({"agent": [1]}, ["agent"]),
        ({"instructions": ["a", 5]}, ["instructions", 1]),
        ({"instructions": "a"}, ["instructions"]),
        ({"command": {"x": {}}}, ["command", "x", "template"]),
        ({"formatter": {"x": {"command": [1]}}}, ["formatter", "x", "command", 0]),
        ({"formatter": "on"}, ["formatter"]),
        ({"provider": {"x": {"models": {"m": 1}}}}, ["provider", "x", "models", "m"]),
    ],
)
def test_the_key_is_named(config: dict[str, Any], path: list[str | int]) -> None:
    assert paths(config) == [path]


def test_every_issue_is_found() -> None:
    assert paths({"model": 1, "agent": {"x": {"steps": "a", "mode": 3}}}) == [
        ["model"],
        ["agent", "x", "mode"],
        ["agent", "x", "steps"],
    ]


def test_messages() -> None:
    assert [str(issue) for issue in find_issues(Config, {"agent": {"x": 5}})] == [
        "Expected object, got number at agent.x"
    ]
    assert str(next(find_issues(Config, {"model": 5}))) == "Expected string | null, got 5 at model"
    wrong = {"permission": {"bash": "maybe"}, "instructions": "sk-secret"}
    assert [str(issue) for issue in find_issues(Config, wrong)] == [
        "Expected array, got string at instructions",
        'Expected "allow" | "deny" | "ask" | object, got "maybe" at permission.bash',
    ]


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(sorted(Config.__struct_fields__)), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(json_values)
def test_never_raises(value: Any) -> None:
    list(find_issues(Config, value))
