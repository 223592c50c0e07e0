"""Refuses what a page could make somebody's browser send: rebound host names, and changes from foreign origins."""

import ipaddress
import socket
from typing import Final

from .asgi import Scope, header
from .cors import CrossOrigin
from .forwarded import OUTER, host_of

_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})


class HostGuard:
    """With ``loopback`` only names of this host are taken. A name that resolves to 127.0.0.1 today may be anyone's;
    an address can be rebound by nobody."""

    def __init__(self, cross_origin: CrossOrigin, *, loopback: bool, allowed: tuple[str, ...] = ()) -> None:
        self._cross_origin = cross_origin
        self._loopback = loopback
        self._names = {"localhost", socket.gethostname().lower(), *(name.lower() for name in allowed)}

    def refusal(self, scope: Scope) -> str | None:
        """Why the request is refused; None when it is not."""
        host = header(scope, b"host") or ""
        if self._loopback and not self._is_ours(host):
            return "This host name is not served here (allow it by hosts in [server] of oad.toml)"
        origin = header(scope, b"origin")
        # A page of any origin may open a websocket, and its browser sends along what it knows of credentials.
        if origin is None or scope.get("method") in _SAFE or self._cross_origin.admits(origin):
            return None
        if origin.partition("://")[2].lower() in (host.lower(), host_of(scope.get(OUTER, "")) or None):
            return None
        return "Requests from this origin may not change anything"

    def _is_ours(self, host: str) -> bool:
        name = _without_port(host).lower()
        return name in self._names or name.endswith(".localhost") or _is_address(name)


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
