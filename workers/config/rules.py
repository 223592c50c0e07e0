"""Permissions as configuration writes them, as the ordered rules that are evaluated (the last match wins)."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from oad.contract.permission import Action, PermissionRule, matches

from .places import expand_home
from .settings import Permission

# Tools that ask for a permission of another name.
_PERMISSION_OF = {"write": "edit", "apply_patch": "edit", "patch": "edit", "multiedit": "edit"}


def make_rules(permission: Permission, home: Path) -> list[PermissionRule]:
    """One rule per pattern, in the order of the file; ``~`` and ``$HOME`` at the start of a pattern are expanded."""
    if isinstance(permission, str):
        return [PermissionRule(permission="*", pattern="*", action=permission)]
    rules: list[PermissionRule] = []
    for name, setting in permission.items():
        patterns: dict[str, Action] = {"*": setting} if isinstance(setting, str) else setting
        rules += [
            PermissionRule(permission=name, pattern=expand_home(pattern, home), action=action)
            for pattern, action in patterns.items()
        ]
    return rules


def tools_as_permission(tools: dict[str, bool]) -> dict[str, Any]:
    """The old map of tool names to booleans, as permissions; all tools that change files are one permission."""
    permission: dict[str, Any] = {}
    for name, enabled in tools.items():
        permission[_PERMISSION_OF.get(name, name)] = "allow" if enabled else "deny"
    return permission


def default_rules(readable: Sequence[str]) -> list[PermissionRule]:
    """What holds before any configuration: all is allowed but leaving the directory, secrets and endless loops."""
    outside: dict[str, Action] = {"*": "ask", **{f"{directory}/*": "allow" for directory in readable}}
    return make_rules(
        {
            "*": "allow",
            "doom_loop": "ask",
            "sandbox": "ask",
            "external_directory": dict(outside),
            "question": "deny",
            "plan_enter": "deny",
            "plan_exit": "deny",
            "read": {"*": "allow", "*.env": "ask", "*.env.*": "ask", "*.env.example": "allow"},
        },
        Path("/"),
    )


def denied_tools(names: Iterable[str], rules: Sequence[PermissionRule]) -> set[str]:
    """The tools that are not even offered to the model: the last rule about them denies every pattern."""
    return {name for name in names if _is_denied(_PERMISSION_OF.get(name, name), rules)}


def _is_denied(permission: str, rules: Sequence[PermissionRule]) -> bool:
    # Only the last rule counts: one for a single pattern behind a general denial leaves something to be called for.
    last = next((rule for rule in reversed(rules) if matches(rule.permission, permission)), None)
    return last is not None and last.pattern == "*" and last.action == "deny"
