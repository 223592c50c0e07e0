"""What this worker does, reported to the daemon's audit log."""

from contextvars import ContextVar
from typing import Any, Final, Protocol

import msgspec

from oad.contract.worker import AuditMode

from .link import Link

_EVENT: Final = "oad.audit"
_ASIDE_BYTES: Final = 200 * 1024  # the daemon takes no longer reports


class CurrentCall(msgspec.Struct, frozen=True):
    """The tool call on whose behalf something is done."""

    tool: str = ""
    id: str = ""


_NO_CALL: Final = CurrentCall()
CURRENT_CALL: Final[ContextVar[CurrentCall]] = ContextVar("current_call", default=_NO_CALL)


class Audit(Protocol):
    async def before(self, action: str, **fields: Any) -> None:
        """Reports what is about to be done. Raises ApiError 503 if it must be recorded and can't be: then don't."""
        ...

    async def after(self, action: str, **fields: Any) -> None: ...


class Unrecorded:
    """For a server without an audit log."""

    async def before(self, action: str, **fields: Any) -> None:
        pass

    async def after(self, action: str, **fields: Any) -> None:
        pass


class Reporter:
    """Events cost the sender next to nothing, but nobody confirms them; a call is confirmed once it is on disk."""

    def __init__(self, link: Link, *, required: bool) -> None:
        self._link = link
        self._required = required

    async def before(self, action: str, **fields: Any) -> None:
        report = _report(action, fields)
        if self._required:
            await self._link.call("daemon.audit", {}, msgspec.json.encode(report))
        else:
            await self._link.publish(_EVENT, report, durable=False)

    async def after(self, action: str, **fields: Any) -> None:
        await self._link.publish(_EVENT, _report(action, fields), durable=False)


def make_audit(link: Link, mode: AuditMode) -> Audit:
    return Unrecorded() if mode == "off" else Reporter(link, required=mode == "required")


def _report(action: str, fields: dict[str, Any]) -> dict[str, Any]:
    call = CURRENT_CALL.get()
    if call.id:
        fields = {**fields, "tool": call.tool, "call": call.id}
    report = {"action": action, "fields": fields}
    return report if len(msgspec.json.encode(report)) < _ASIDE_BYTES else {"action": action, "fields": _cut(fields)}


def _cut(fields: dict[str, Any]) -> dict[str, Any]:
    """As texts, shortened to what the log keeps of them anyway."""
    return {name: value if isinstance(value, int | float) else str(value)[:4200] for name, value in fields.items()}
