"""Asking for permission on behalf of a tool call: the rules decide first, then a person does."""

from collections.abc import Callable, Iterable
from typing import Any, Literal

import msgspec
import trio

from oad.contract.ids import new_id
from oad.contract.permission import PermissionRequest, PermissionRule, ToolReference, evaluate, matches

from ..link import Link
from ..tools.table import permission_of
from ..tools.tool import Rejected, ToolFailed, unanswered


class Verdict(msgspec.Struct):
    reply: Literal["once", "always", "reject"]
    message: str | None = None
    reason: str | None = None  # why nobody was waited for


def is_withheld(tool: str, rules: Iterable[PermissionRule]) -> bool:
    """Whether a tool is denied whatever it is asked to do, and so not offered to the model."""
    permission = permission_of(tool)
    decisive = None
    for rule in rules:
        if matches(rule.permission, permission):
            decisive = rule
    return decisive is not None and decisive.pattern == "*" and decisive.action == "deny"


def refusal(permission: str, rules: Iterable[PermissionRule]) -> str:
    """What the model is told of a denied call; clients recognise the first sentence."""
    relevant = [rule for rule in rules if matches(rule.permission, permission)]
    quoted = msgspec.json.encode(relevant).decode()
    return (
        "The user has specified a rule which prevents you from using this specific tool call. "
        f"Here are some of the relevant rules {quoted}"
    )


class Gate:
    """Decides for one session and agent. ``rules`` are those of the agent, then those of the session; ``on_ask`` is
    told before a person is asked, and may raise."""

    def __init__(
        self, link: Link, session_id: str, rules: list[PermissionRule], on_ask: Callable[[], None] = lambda: None
    ) -> None:
        self._link = link
        self._session_id = session_id
        self._rules = rules
        self._on_ask = on_ask

    async def pass_(
        self,
        permission: str,
        patterns: list[str],
        *,
        always: list[str],
        metadata: dict[str, Any],
        tool: ToolReference | None = None,
    ) -> None:
        """Returns when allowed. Raises ToolFailed when a rule denies, Rejected when a person does."""
        actions = {pattern: evaluate(permission, pattern, self._rules).action for pattern in patterns or ["*"]}
        if "deny" in actions.values():
            raise ToolFailed(refusal(permission, self._rules))
        undecided = [pattern for pattern, action in actions.items() if action == "ask"]
        if not undecided:
            return
        self._on_ask()
        request = PermissionRequest(
            id=new_id("per"),
            session_id=self._session_id,
            permission=permission,
            patterns=patterns,
            metadata=metadata,
            always=always,
            tool=tool,
        )
        _heed(await self._ask(request, undecided))

    async def _ask(self, request: PermissionRequest, undecided: list[str]) -> Verdict:
        await trio.lowlevel.checkpoint_if_cancelled()
        params = {"sessionID": self._session_id, "asking": msgspec.json.encode(undecided).decode()}
        reply = await self._link.call("ask.permission", params, msgspec.json.encode(request))
        return msgspec.json.decode(reply, type=Verdict)


def _heed(verdict: Verdict) -> None:
    if verdict.reply != "reject":
        return
    if verdict.reason is not None:
        raise unanswered(verdict.message or "", verdict.reason)
    if verdict.message:
        said = "The user rejected permission to use this specific tool call with the following feedback: "
        raise Rejected(said + verdict.message, ends_turn=False)
    raise Rejected("The user rejected permission to use this specific tool call.", ends_turn=True)
