"""The audit log as the daemon uses it: who did what to which session, from where."""

import math
from datetime import UTC, datetime
from typing import Any, Final, cast

import structlog
import trio

from oad.contract.errors import ApiError, named
from oad.contract.redact import KNOWN
from oad.contract.wire import Origin
from oad.contract.worker import AuditMode

from .writer import AuditWriter

_log = structlog.get_logger("oad.audit")

SYNC_S: Final = 1.0  # so much is lost at most when the power fails; nothing when only the daemon dies
SERVICE: Final = Origin("service")
_MAX_TEXT: Final = 4096  # characters of one text
_MAX_ITEMS: Final = 100
_MAX_DEPTH: Final = 6
_COMPLAIN_S: Final = 60.0


class AuditLog:
    """``writer`` None: nothing is recorded. ``required``: what can't be recorded must not be done."""

    def __init__(self, writer: AuditWriter | None, *, required: bool = False) -> None:
        self._writer = writer
        self._required = required and writer is not None
        self._lost = 0
        self._complained = -math.inf
        if writer is not None and writer.mended:
            self.record("audit.mended", reason=writer.mended)

    @property
    def mode(self) -> AuditMode:
        """Workers are told."""
        if self._writer is None:
            return "off"
        return "required" if self._required else "on"

    def record(self, action: str, origin: Origin = SERVICE, session: str = "", /, **fields: Any) -> int:
        """Writes a line and returns its number, 0 if that failed. Raises ApiError 503 instead when it is required."""
        if self._writer is None:
            return 0
        own = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "action": action,
            "who": origin.who,
            "session": session,
            "address": origin.address,
        }
        line = own | cast("dict[str, Any]", bounded(KNOWN.conceal_value(fields))) | own
        try:
            if self._lost:
                self._tell_lost(self._writer)
            return self._writer.append(line)
        except OSError as error:
            return self._fail(action, error)

    def note(self, action: str, origin: Origin = SERVICE, session: str = "", /, **fields: Any) -> int:
        """As ``record``, for what has been done already: never raises."""
        try:
            return self.record(action, origin, session, **fields)
        except ApiError:
            return 0

    async def secured(self) -> None:
        """Returns at once unless recording is required: then when all lines are on the disk. Raises ApiError 503."""
        if self._required:
            await self._sync()

    async def run(self) -> None:
        """Writes lines to the disk, at the end too."""
        try:
            while True:
                await trio.sleep(SYNC_S)
                try:
                    await self._sync()
                except ApiError:
                    continue  # told to the log; the next action that must be recorded meets it
        finally:
            if self._writer is not None:
                self._writer.close()

    async def _sync(self) -> None:
        if self._writer is None:
            return
        try:
            await self._writer.sync()
        except OSError as error:
            self._complain(error)
            if self._required:
                raise unrecorded(error) from error

    def _tell_lost(self, writer: AuditWriter) -> None:
        writer.append({"time": datetime.now(UTC).isoformat(), "action": "audit.lost", "lines": self._lost})
        self._lost = 0

    def _fail(self, action: str, error: OSError) -> int:
        self._lost += 1
        self._complain(error)
        if self._required:
            raise unrecorded(error) from error
        return 0

    def _complain(self, error: OSError) -> None:
        now = trio.current_time() if trio.lowlevel.in_trio_run() else 0.0
        if now - self._complained >= _COMPLAIN_S:
            self._complained = now
            _log.error("the audit log can't be written", error=str(error), required=self._required)


def unrecorded(error: OSError) -> ApiError:
    message = f"The audit log can't be written ({error.strerror or error}), and nothing may be done unrecorded"
    return named(503, "AuditUnavailableError", message=message)


def bounded(value: Any, depth: int = _MAX_DEPTH) -> Any:
    """A copy of what JSON can hold, cut where it is longer than an audit line needs."""
    if isinstance(value, str):
        return value if len(value) <= _MAX_TEXT else f"{value[:_MAX_TEXT]}… ({len(value)} characters)"
    if isinstance(value, dict):
        entries = list(cast("dict[str, Any]", value).items())
        kept = {name: bounded(item, depth - 1) for name, item in entries[:_MAX_ITEMS]} if depth else {}
        return kept if len(kept) == len(entries) else {**kept, "…": len(entries) - len(kept)}
    if isinstance(value, list | tuple):
        items = cast("list[Any]", value)
        kept_items = [bounded(item, depth - 1) for item in items[:_MAX_ITEMS]] if depth else []
        return kept_items if len(kept_items) == len(items) else [*kept_items, f"… ({len(items)} items)"]
    return value
