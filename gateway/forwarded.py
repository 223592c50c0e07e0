"""What reverse proxies say of their clients, believed of those alone that the operator has named; and the base path.

Behind this everything sees the path without the base path, the client's own address, and in the scope under OUTER the
URL by which the client reaches the server. Who is no proxy of ours can claim nothing.
"""

import ipaddress
import re
from typing import Final

import msgspec

from oad.contract.forwarding import UNIX, Forwarding, parse_proxies

from .asgi import App, Receive, Scope, Send, header

OUTER: Final = "oad.outer"  # the key of a scope; a client can't set it
_MAX_HOPS: Final = 20  # that are looked at; more are no chain of proxies
_HOST: Final = re.compile(r"([A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(:\d{1,5})?")
_PREFIX: Final = re.compile(r"(/[A-Za-z0-9._~-]+)*")
_PAIR: Final = re.compile(r'\s*([A-Za-z-]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^;,"\s]*)\s*(;|,|$)')
_PROTOCOLS: Final = {"http": "http", "https": "https", "ws": "http", "wss": "https"}


class Hop(msgspec.Struct):
    """One proxy's word on who connected to it, and how."""

    address: str = ""
    protocol: str = ""
    host: str = ""


class Outside:
    """Stands before everything else."""

    def __init__(self, forwarding: Forwarding, app: App) -> None:
        """Raises BadProxy."""
        self._app = app
        self._base = forwarding.base_path.rstrip("/")
        self._networks = parse_proxies(forwarding.trusted)
        self._trusts_unix = UNIX in forwarding.trusted
        self._read = _forwarded if forwarding.dialect == "forwarded" else _x_forwarded

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope if scope["type"] == "lifespan" else self.seen(scope), receive, send)

    def seen(self, scope: Scope) -> Scope:
        """The scope as if the client had connected itself."""
        scope = self._without_base(scope)
        peer = scope.get("client")
        if not (self._trusts(str(peer[0])) if peer else self._trusts_unix):
            return scope
        hops = self._read(scope)[-_MAX_HOPS:]
        hop, address = self._client(hops, str(peer[0]) if peer else "")
        outer = self._outer(scope, hop)
        return {**scope, "client": (address, 0) if address else None, OUTER: outer}

    def _without_base(self, scope: Scope) -> Scope:
        base, path, raw = self._base, scope["path"], scope["raw_path"]
        if not base or not (path == base or path.startswith(base + "/")) or not raw.startswith(base.encode()):
            return scope
        return {**scope, "path": path[len(base) :] or "/", "raw_path": raw[len(base) :] or b"/"}

    def _trusts(self, address: str) -> bool:
        try:
            known = ipaddress.ip_address(address)
        except ValueError:
            return False
        mapped = getattr(known, "ipv4_mapped", None)  # a socket for both families shows IPv4 so
        return any((mapped or known) in network for network in self._networks)

    def _client(self, hops: list[Hop], peer: str) -> tuple[Hop, str]:
        """The word of the outermost proxy that is ours, and the address it names. What stands further left in the
        chain was there before our proxies had a say in it."""
        found, address = hops[-1] if hops else Hop(), peer
        for hop in reversed(hops):
            named = _address(hop.address)
            if named is None:
                break
            found, address = hop, named
            if not self._trusts(named):
                break
        return found, address

    def _outer(self, scope: Scope, hop: Hop) -> str:
        host = hop.host if _HOST.fullmatch(hop.host) else header(scope, b"host") or ""
        prefix = _last(_values(scope, b"x-forwarded-prefix")).rstrip("/")
        if not prefix or len(prefix) > 200 or not _PREFIX.fullmatch(prefix):
            prefix = self._base
        return f"{_PROTOCOLS.get(hop.protocol.lower(), 'http')}://{host.lower()}{prefix}" if host else ""


def host_of(outer: str) -> str:
    """Host and port of the URL under OUTER."""
    return outer.partition("://")[2].partition("/")[0]


def _values(scope: Scope, name: bytes) -> list[str]:
    """Every value of a header that may be given several times, or once with commas."""
    found = [bytes(value).decode("latin-1") for key, value in scope["headers"] if key == name]
    return [value.strip() for text in found for value in text.split(",")]


def _last(values: list[str]) -> str:
    return values[-1] if values else ""


def _x_forwarded(scope: Scope) -> list[Hop]:
    """Each proxy adds an address on the right; protocol and host are added or, more often, set once."""
    addresses = _values(scope, b"x-forwarded-for") or [""]
    protocols, hosts = _values(scope, b"x-forwarded-proto"), _values(scope, b"x-forwarded-host")
    return [
        Hop(address, _aligned(protocols, len(addresses) - at), _aligned(hosts, len(addresses) - at))
        for at, address in enumerate(addresses)
    ]


def _aligned(values: list[str], from_right: int) -> str:
    return values[max(0, len(values) - from_right)] if values else ""


def _forwarded(scope: Scope) -> list[Hop]:
    """RFC 7239. What can't be read ends the chain: whatever stands left of it is not believed."""
    hops: list[Hop] = []
    for text in (bytes(value).decode("latin-1") for key, value in scope["headers"] if key == b"forwarded"):
        hops += _elements(text)
    return hops


def _elements(text: str) -> list[Hop]:
    hops, at = [Hop()], 0
    while at < len(text):
        pair = _PAIR.match(text, at)
        if pair is None:
            return [Hop("unknown")]
        name, value, end = pair[1].lower(), _unquoted(pair[2]), pair[3]
        if name in ("for", "proto", "host"):
            setattr(hops[-1], {"for": "address", "proto": "protocol"}.get(name, name), value)
        if end == ",":
            hops.append(Hop())
        at = pair.end()
    return hops


def _unquoted(value: str) -> str:
    return re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith('"') else value


def _address(text: str) -> str | None:
    """The address without its port; None for what is none, such as ``unknown``."""
    host = text[1:].partition("]")[0] if text.startswith("[") else text
    if host.count(":") == 1:
        host = host.partition(":")[0]
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return None
