"""The listening sockets, made by the parent so that gateways may come and go."""

import errno
import ipaddress
import socket
from typing import Final

DEFAULT_PORT: Final = 4096
USER_TIMEOUT_MS: Final = 20_000
_BACKLOG: Final = 512
_NO_IPV6: Final = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL)


class CannotListen(Exception):
    """The address is taken, not ours, or no address."""


def open_listeners(host: str, port: int) -> list[socket.socket]:
    """``port`` 0: 4096 if it is free, else any. "localhost" is both loopback addresses, with the same port; a host
    without IPv6 has only one. Raises CannotListen."""
    if port:
        return _open(host, port)
    try:
        return _open(host, DEFAULT_PORT)
    except CannotListen:
        return _open(host, 0)


def _open(host: str, port: int) -> list[socket.socket]:
    if host != "localhost":
        return [_bind(host, port)]
    first = _bind("127.0.0.1", port)
    try:
        return [first, _bind("::1", first.getsockname()[1])]
    except CannotListen as error:
        if isinstance(error.__cause__, OSError) and error.__cause__.errno in _NO_IPV6:
            return [first]
        first.close()
        raise


def _bind(host: str, port: int) -> socket.socket:
    listener: socket.socket | None = None
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Accepted sockets inherit it: a reader that stops reading is cut off instead of holding a writer for ever.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, USER_TIMEOUT_MS)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except (OSError, UnicodeError) as error:  # a name with a label that is too long cannot even be encoded
        if listener is not None:
            listener.close()
        raise CannotListen(f"{host}:{port}: {getattr(error, 'strerror', None) or 'not a host name'}") from error
    return listener


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def base_url(listener: socket.socket) -> str:
    """As a client on this host would write it."""
    host, port = str(listener.getsockname()[0]), int(listener.getsockname()[1])
    shown = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  only how it is written
    return f"http://[{shown}]:{port}" if ":" in shown else f"http://{shown}:{port}"
