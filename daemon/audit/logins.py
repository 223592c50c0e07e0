"""Logins, as gateways report them: a flood of failures must not fill the disk, nor push everything else out."""

from collections.abc import Callable
from typing import Final

from oad.contract.wire import Origin

from .log import AuditLog

_PER_WINDOW: Final = 60  # failures written one by one; of the others only their number
_WINDOW_S: Final = 60.0


class Logins:
    """``clock`` gives seconds."""

    def __init__(self, audit: AuditLog, clock: Callable[[], float]) -> None:
        self._audit = audit
        self._clock = clock
        self._window = 0.0
        self._written = 0
        self._unwritten = 0

    def report(self, params: dict[str, str], origin: Origin) -> None:
        """``before``: how many earlier reports the gateway had to drop."""
        before = params.get("before", "")
        if params.get("outcome") == "succeeded":
            self._audit.note("login.succeeded", origin)
            return
        self._roll()
        self._unwritten += int(before) if before.isdigit() else 0
        if self._written >= _PER_WINDOW:
            self._unwritten += 1
            return
        self._written += 1
        self._audit.note("login.failed", origin, method=origin.method, path=params.get("path", ""))

    def _roll(self) -> None:
        now = self._clock()
        if now - self._window < _WINDOW_S:
            return
        if self._unwritten:
            self._audit.note("login.failed", count=self._unwritten)
        self._window, self._written, self._unwritten = now, 0, 0
