"""Permission rules and their evaluation: the last rule that matches wins."""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Literal

from .wire_model import WireModel

Action = Literal["allow", "deny", "ask"]
Answer = Literal["once", "always", "reject"]
AnswerWord = Literal["once", "always", "reject", "allow", "deny"]  # the last two are older clients' words


class PermissionRule(WireModel):
    permission: str
    pattern: str
    action: Action


class ToolReference(WireModel):
    """The tool call on whose behalf something is asked."""

    message_id: str
    call_id: str


class PermissionRequest(WireModel):
    id: str
    session_id: str
    permission: str
    patterns: list[str]
    metadata: dict[str, Any]
    always: list[str]
    tool: ToolReference | None = None


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    # "git *" also matches plain "git": a trailing " *" makes the arguments optional.
    optional_arguments = pattern.endswith(" *")
    body = pattern[:-2] if optional_arguments else pattern
    regex = re.escape(body).replace(r"\*", ".*").replace(r"\?", ".")
    return re.compile(regex + ("( .*)?" if optional_arguments else ""), re.DOTALL)


def matches(pattern: str, text: str) -> bool:
    """Whether a wildcard pattern (``*`` any text, ``?`` one character) covers the whole text."""
    return _compiled(pattern).fullmatch(text) is not None


# Leaving the sandbox: "allow everything" does not mean that, it must be allowed by name.
_BY_NAME_ONLY = frozenset({"sandbox"})


def evaluate(permission: str, pattern: str, rules: Iterable[PermissionRule]) -> PermissionRule:
    """The rule that decides; without any match, ask."""
    decisive = PermissionRule(permission=permission, pattern="*", action="ask")
    for rule in rules:
        if permission in _BY_NAME_ONLY and rule.action == "allow" and rule.permission != permission:
            continue
        if matches(rule.permission, permission) and matches(rule.pattern, pattern):
            decisive = rule
    return decisive
