"""What the session's network policy means to its worker: its own way out, and what its commands were denied.

The worker is not in the session's network namespace, for it speaks to model providers. What it fetches on behalf of the
session goes through the proxy all the same.
"""

import contextlib
import socket
from collections.abc import AsyncGenerator
from typing import Final

import msgspec
import trio

from oad.contract.policy import NetworkMode
from oad.contract.proxy import BadFrame, Decision, Lists, Watch, Watching, decode_reports, frame
from oad.contract.worker import WorkerSpec

_GREETING_S: Final = 1.0
_CHUNK: Final = 64 * 1024


class Egress(msgspec.Struct, frozen=True):
    """``proxy`` is the path of its socket, and ``allow`` what the proxy is told, with mode "allow"."""

    session: str = ""
    mode: NetworkMode = "on"
    proxy: str = ""
    allow: Lists = ()

    @classmethod
    def of(cls, spec: WorkerSpec) -> "Egress":
        confinement = spec.confinement
        return cls(spec.name, confinement.network, confinement.proxy, confinement.allow)

    @contextlib.asynccontextmanager
    async def watched(self) -> AsyncGenerator["Denials"]:
        """What the session is denied during the block; unknown, so nothing, while the proxy is being restarted."""
        if self.mode != "allow":
            yield Denials(None)
            return
        with contextlib.ExitStack() as closing:
            denials = Denials(await self._watch(closing))
            yield denials

    async def _watch(self, closing: contextlib.ExitStack) -> socket.socket | None:
        sock = closing.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        sock.setblocking(False)
        greeting = frame(Watching())
        with trio.move_on_after(_GREETING_S), contextlib.suppress(OSError):
            sock.connect(self.proxy)
            sock.send(frame(Watch(self.session)))
            await trio.lowlevel.wait_readable(sock)
            if sock.recv(len(greeting)) == greeting:
                return sock
        return None


class Denials:
    """The proxy tells of a denial before it lets the session feel it, so what a command was denied is here to be read
    when the command has ended."""

    def __init__(self, sock: socket.socket | None) -> None:
        self._sock = sock

    def read(self) -> tuple[Decision, ...]:
        """What has come, each host and port once."""
        data = b""
        if self._sock is not None:
            with contextlib.suppress(OSError):
                while more := self._sock.recv(_CHUNK):
                    data += more
        try:
            reports, _ = decode_reports(data)
        except BadFrame:
            return ()
        denied = {(d.host, d.port): d for d in reports if isinstance(d, Decision) and not d.allowed}
        return tuple(denied.values())


OPEN: Final = Egress()
