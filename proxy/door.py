"""The Unix socket of the proxy: sessions bring their listening sockets, workers dial, the daemon watches."""

import contextlib
import os
import socket
from collections.abc import Sequence
from typing import Final

import structlog
import trio

from oad.contract.network import BadRule, Rules, parse_rules
from oad.contract.proxy import BadFrame, Dial, Listen, Lists, Request, Watch, decode_request, frame_length

from .dial import Dialler, Resolve, look_up
from .ledger import Ledger
from .reception import receive
from .settings import ProxySettings
from .tenant import Tenant

_log = structlog.get_logger("oad.proxy")
_FRAME_S: Final = 5.0
_CROWDED_S: Final = 0.1


class Door:
    def __init__(self, settings: ProxySettings, *, resolve: Resolve = look_up) -> None:
        """Raises BadRule for the operator's list."""
        self._settings = settings
        self._dialler = Dialler(resolve=resolve, resolve_s=settings.resolve_s, connect_s=settings.connect_s)
        self._ledger = Ledger()
        self._bounds = _bounds(settings)

    async def serve(self, listener: trio.socket.SocketType) -> None:
        """For ever."""
        async with trio.open_nursery() as nursery:
            while True:
                nursery.start_soon(self._attend, await _accept(listener))

    async def _attend(self, sock: trio.socket.SocketType) -> None:
        with sock:
            try:
                with trio.fail_after(_FRAME_S):
                    request, fds = await _read_request(sock)
                try:
                    await self._carry_out(request, fds, sock)
                finally:
                    for fd in fds:
                        os.close(fd)
            except (BadFrame, BadRule, OSError, trio.TooSlowError, trio.BrokenResourceError) as error:
                _log.warning("a connection was refused", error=str(error) or type(error).__name__)

    async def _carry_out(self, request: Request, fds: list[int], sock: trio.socket.SocketType) -> None:
        match request:
            case Listen(session, allow):
                if len(fds) != 1:
                    raise BadFrame("a listening socket must come along")
                tenant = self._tenant(session, allow)
                with _listening(fds.pop()) as listener:
                    await self._host(tenant, listener, sock)
            case Dial(session, allow):
                await receive(trio.SocketStream(sock), self._tenant(session, allow), self._settings)
            case Watch(session):
                await self._ledger.watched_by(sock, session)

    def _tenant(self, session: str, allow: Lists) -> Tenant:
        own = [parse_rules(entries) for entries in allow]
        # A session without a list of its own gets nothing, not all that the operator allows.
        lists = [*self._bounds, *own] if own else [()]
        return Tenant(session, lists, self._dialler, self._ledger, limit=self._settings.connections)

    async def _host(self, tenant: Tenant, listener: trio.socket.SocketType, sock: trio.socket.SocketType) -> None:
        """For as long as whoever brought the listening socket stays; then its connections end too."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._welcome, tenant, listener)
            with contextlib.suppress(OSError):
                while await sock.recv(4096):
                    pass
            nursery.cancel_scope.cancel()

    async def _welcome(self, tenant: Tenant, listener: trio.socket.SocketType) -> None:
        async with trio.open_nursery() as nursery:
            while True:
                stream = trio.SocketStream(await _accept(listener))
                nursery.start_soon(receive, stream, tenant, self._settings)


def _bounds(settings: ProxySettings) -> Sequence[Rules]:
    match settings.policy.mode:
        case "on":
            return ()
        case "allow":
            return (parse_rules(settings.policy.allow),)
        case "off":
            return ((),)


async def _accept(listener: trio.socket.SocketType) -> trio.socket.SocketType:
    while True:
        try:
            return (await listener.accept())[0]
        except ConnectionError:
            continue  # it left while it waited
        except OSError as error:
            if listener.fileno() < 0:
                raise
            _log.error("cannot accept", error=str(error))  # out of descriptors, mostly: others will be freed
            await trio.sleep(_CROWDED_S)


async def _read_request(sock: trio.socket.SocketType) -> tuple[Request, list[int]]:
    """Exactly one frame, for what follows is not ours to read. Raises BadFrame."""
    fds: list[int] = []
    data, length = b"", 4
    try:
        while len(data) < length:
            more, ancillary, flags, _ = await sock.recvmsg(length - len(data), socket.CMSG_SPACE(16), _CLOEXEC)
            fds += [fd for level, kind, raw in ancillary if (level, kind) == _RIGHTS for fd in _descriptors(raw)]
            if not more or flags & socket.MSG_CTRUNC:
                raise BadFrame("the frame is incomplete")
            data += more
            length = frame_length(data) or length
        return decode_request(data), fds
    except BaseException:
        for fd in fds:
            os.close(fd)
        raise


_RIGHTS: Final = (socket.SOL_SOCKET, socket.SCM_RIGHTS)
_CLOEXEC: Final = socket.MSG_CMSG_CLOEXEC


def _descriptors(raw: bytes) -> list[int]:
    return memoryview(raw[: len(raw) // 4 * 4]).cast("i").tolist()


def _listening(fd: int) -> trio.socket.SocketType:
    """Raises BadFrame when it is not a listening socket of TCP; closes it then."""
    sock = socket.socket(fileno=fd)
    is_tcp = sock.family in (socket.AF_INET, socket.AF_INET6) and sock.type == socket.SOCK_STREAM
    if not is_tcp or not sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        sock.close()
        raise BadFrame("not a listening socket")
    sock.setblocking(False)
    return trio.socket.from_stdlib_socket(sock)
