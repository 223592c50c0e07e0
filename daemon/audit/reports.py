"""What workers report of what they do: programs, files written, decisions. The daemon adds who and when.

A worker may be wrong or hostile: its report is its own claim, says of no other session, and is bounded in size.
"""

from typing import Any, Final

import msgspec

from oad.contract.wire import Origin, ProtocolError

from .log import AuditLog

EVENT: Final = "oad.audit"
_MAX_BYTES: Final = 256 * 1024
_ACTIONS: Final = frozenset(
    {"exec.started", "exec.ended", "file.written", "file.removed", "file.failed", "files.restored", "shell.decision"}
    | {"limit", "sandbox", "mcp.call"}
)


class Report(msgspec.Struct):
    """``fields`` may have any name but those that the daemon itself writes."""

    action: str
    fields: dict[str, Any] = {}


_decoder: Final = msgspec.json.Decoder(Report)
_OWN: Final = frozenset({"seq", "time", "action", "who", "session", "address", "prev", "hash"})


def read_report(body: bytes) -> Report:
    """Raises ProtocolError."""
    if len(body) > _MAX_BYTES:
        raise ProtocolError(f"a report for the audit log of {len(body)} bytes")
    try:
        report = _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ProtocolError(f"a report for the audit log: {error}") from error
    if report.action not in _ACTIONS or _OWN & set(report.fields):
        raise ProtocolError(f"a report for the audit log claims {report.action} {sorted(_OWN & set(report.fields))}")
    return report


def write_report(audit: AuditLog, kind: str, name: str, report: Report) -> None:
    """Raises ApiError 503 when recording is required and fails."""
    session = name if kind == "session" else ""
    audit.record(report.action, Origin(f"{kind}:{name}"), session, **report.fields)
