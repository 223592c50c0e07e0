"""The decisions: logged, and told to whoever watches, before their consequences are felt."""

import contextlib
import socket

import structlog
import trio

from oad.contract.proxy import Decision, Watching, frame

_log = structlog.get_logger("oad.proxy")


class Ledger:
    def __init__(self) -> None:
        self._watchers: dict[trio.socket.SocketType, str] = {}

    def record(self, decision: Decision) -> None:
        """The worker can read of a refusal before the command feels it: when the command ends, the reason is known."""
        say = _log.info if decision.allowed else _log.warning
        said = {"session": decision.session, "host": decision.host, "port": decision.port}
        if decision.allowed:
            say("connection allowed", **said, address=decision.address)
        else:
            say("connection denied", **said, reason=decision.reason)
        for watcher, session in list(self._watchers.items()):
            if not session or session == decision.session:
                self._tell(watcher, frame(decision))

    async def watched_by(self, watcher: trio.socket.SocketType, session: str) -> None:
        """Until it leaves. One that does not read what it asked for is let go: nobody waits for it."""
        if not self._send(watcher, frame(Watching())):
            return
        self._watchers[watcher] = session
        try:
            with contextlib.suppress(OSError):
                while await watcher.recv(4096):
                    pass
        finally:
            self._watchers.pop(watcher, None)

    def _tell(self, watcher: trio.socket.SocketType, data: bytes) -> None:
        if not self._send(watcher, data):
            self._watchers.pop(watcher, None)
            with contextlib.suppress(OSError):
                watcher.shutdown(socket.SHUT_RDWR)

    def _send(self, watcher: trio.socket.SocketType, data: bytes) -> bool:
        try:
            # Not by trio: a checkpoint here would let the refusal overtake its report. Half a frame is as bad as none.
            with socket.socket(fileno=watcher.fileno()) as raw:
                try:
                    return raw.send(data, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL) == len(data)
                finally:
                    raw.detach()
        except OSError:
            return False
