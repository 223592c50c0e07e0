"""Events that are audit lines too: asks and their answers, stops with their receipts, limits, births and ends."""

from typing import Any, Final

import msgspec

from .log import SERVICE, AuditLog

_RECORDED: Final = {
    "permission.asked": ("id", "permission", "patterns", "tool"),
    "permission.replied": ("requestID", "reply"),
    "question.asked": ("id",),
    "question.replied": ("requestID",),
    "question.rejected": ("requestID",),
    "oad.session.aborted": (),
    "session.deleted": (),
    "session.limit": (),
    "job.started": ("job",),
    "job.ended": ("jobID", "reason"),
}
_ACTION: Final = {"oad.session.aborted": "abort", "session.limit": "limit", "session.deleted": "session.deleted"}
_WHOLE: Final = frozenset({"oad.session.aborted", "session.limit"})


def record_event(audit: AuditLog, type: str, properties: bytes, session: str) -> None:
    """Of every event that the journal takes; most are none of the audit log's business."""
    names = _RECORDED.get(type)
    if names is None or audit.mode == "off":
        return
    found = msgspec.json.decode(properties, type=dict[str, Any])
    fields = found if type in _WHOLE else {name: found[name] for name in names if name in found}
    details = {"detail": fields} if fields else {}
    audit.note(_ACTION.get(type, type), SERVICE, session, **details)
