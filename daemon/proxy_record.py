"""The filtering proxy's decisions, as lines of the audit log: which session reached for which host, and what it got."""

import contextlib
import socket
from pathlib import Path
from typing import Final

import structlog
import trio

from oad.contract.proxy import BadFrame, Decision, Watch, decode_reports, frame
from oad.contract.wire import Origin

from .audit.log import AuditLog

_log = structlog.get_logger("oad.daemon")
_CHUNK: Final = 64 * 1024
_RETRY_S: Final = 0.3


class ProxyRecord:
    """Watches the proxy from when the first session is told to go through it: the proxy itself runs only from then on.

    The proxy waits for nobody. While it is restarted, and should this process not keep up, decisions are in its own log
    only."""

    def __init__(self, audit: AuditLog, proxy: Path) -> None:
        self._audit = audit
        self._proxy = proxy
        self._wanted = trio.Event()

    def want(self) -> None:
        self._wanted.set()

    async def run(self) -> None:
        """For ever."""
        await self._wanted.wait()
        while self._audit.mode != "off":
            try:
                await self._watch()
            except (OSError, BadFrame) as error:
                _log.warning("decisions of the proxy are not recorded for a moment", error=str(error))
            await trio.sleep(_RETRY_S)

    async def _watch(self) -> None:
        sock = trio.socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        with contextlib.closing(sock):
            await sock.connect(str(self._proxy))
            await sock.send(frame(Watch()))
            rest = b""
            while more := await sock.recv(_CHUNK):
                reports, rest = decode_reports(rest + more)
                for report in reports:
                    if isinstance(report, Decision):
                        self._record(report)

    def _record(self, decision: Decision) -> None:
        fields = {"address": decision.address} if decision.allowed else {"reason": decision.reason}
        self._audit.note(
            "network.decision",
            Origin(f"session:{decision.session}"),
            decision.session,
            decision="allowed" if decision.allowed else "denied",
            host=decision.host,
            port=decision.port,
            detail=fields,
        )
