from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oad.contract.permission import PermissionRule, evaluate, matches
from oad.workers.config.rules import default_rules, denied_tools, make_rules, tools_as_permission

HOME = Path("/h")
names = st.sampled_from(["bash", "edit", "read", "*"])
patterns = st.sampled_from(["*", "git *", "*.env", "x", "~/x", "git"])
actions = st.sampled_from(["allow", "deny", "ask"])
permissions = st.dictionaries(names, actions | st.dictionaries(patterns, actions, max_size=4), max_size=4)


def rule(permission: str, pattern: str, action: Any) -> PermissionRule:
    return PermissionRule(permission=permission, pattern=pattern, action=action)


def test_the_order_is_kept() -> None:
    rules = make_rules({"bash": {"*": "ask", "git *": "allow", "~/x": "deny"}, "edit": "deny"}, HOME)
    assert rules == [
        rule("bash", "*", "ask"),
        rule("bash", "git *", "allow"),
        rule("bash", "/h/x", "deny"),
        rule("edit", "*", "deny"),
    ]


def test_one_action_for_all() -> None:
    assert make_rules("deny", HOME) == [rule("*", "*", "deny")]


@given(permissions, names, patterns)
def test_the_last_match_wins(permission: Any, name: str, text: str) -> None:
    rules = make_rules(permission, HOME)
    fitting = [each for each in rules if matches(each.permission, name) and matches(each.pattern, text)]
    assert evaluate(name, text, rules).action == (fitting[-1].action if fitting else "ask")


@given(permissions, permissions, names, patterns)
def test_later_rules_override_earlier_ones(first: Any, second: Any, name: str, text: str) -> None:
    later = make_rules(second, HOME)
    if any(matches(each.permission, name) and matches(each.pattern, text) for each in later):
        assert evaluate(name, text, [*make_rules(first, HOME), *later]) == evaluate(name, text, later)


@pytest.mark.parametrize(
    ("permission", "text", "action"),
    [
        ("bash", "rm -rf /", "allow"),
        ("doom_loop", "bash", "ask"),
        ("external_directory", "/etc/*", "ask"),
        ("external_directory", "/data/out/*", "allow"),
        ("question", "*", "deny"),
        ("read", "a/.env", "ask"),
        ("read", ".env.local", "ask"),
        ("read", ".env.example", "allow"),
        ("read", "main.py", "allow"),
    ],
)
def test_defaults(permission: str, text: str, action: str) -> None:
    assert evaluate(permission, text, default_rules(["/data/out"])).action == action


def test_denied_tools() -> None:
    tools = ["bash", "edit", "write", "apply_patch", "read", "grep"]
    assert denied_tools(tools, make_rules({"bash": "deny", "edit": "deny"}, HOME)) == {
        "bash",
        "edit",
        "write",
        "apply_patch",
    }
    assert denied_tools(tools, make_rules({"*": "deny", "read": "allow"}, HOME)) == set(tools) - {"read"}


def test_a_pattern_left_open_keeps_the_tool() -> None:
    rules = make_rules({"edit": {"*": "deny", "docs/*": "allow"}, "bash": {"rm *": "deny"}}, HOME)
    assert denied_tools(["edit", "bash", "unknown"], rules) == set()


def test_a_later_permission_gives_the_tool_back() -> None:
    assert denied_tools(["bash"], [*make_rules({"bash": "deny"}, HOME), *make_rules({"bash": "ask"}, HOME)]) == set()


def test_the_old_map() -> None:
    assert tools_as_permission({"bash": False, "write": False, "webfetch": True}) == {
        "bash": "deny",
        "edit": "deny",
        "webfetch": "allow",
    }
