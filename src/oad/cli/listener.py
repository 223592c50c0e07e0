"""The listening sockets, made by the parent so that gateways may come and go."""

import ipaddress
import socket
from typing import Final

DEFAULT_PORT: Final = 4096
_USER_TIMEOUT_MS: Final = 20_000
_BACKLOG: Final = 512


class CannotListen(Exception):
    """The address is taken, not ours, or no address."""


def open_listener(host: str, port: int) -> socket.socket:
    """``port`` 0: 4096 if it is free, else any. Raises CannotListen."""
    if port:
        return _bind(host, port)
    try:
        return _bind(host, DEFAULT_PORT)
    except CannotListen:
        return _bind(host, 0)


def _bind(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            "127.0.0.1" if host == "localhost" else host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except socket.gaierror as error:
        raise CannotListen(f"{host}: {error.strerror}") from error
    listener = socket.socket(family, kind, protocol)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # Accepted sockets inherit it: a reader that stops reading is cut off instead of holding a writer for ever.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _USER_TIMEOUT_MS)
    try:
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise CannotListen(f"{host}:{port}: {error.strerror}") from error
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
    host, port = listener.getsockname()[:2]
    shown = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  only how it is written
    return f"http://[{shown}]:{port}" if ":" in shown else f"http://{shown}:{port}"
