"""What the operator says of reverse proxies before the server: who they are, and how they speak of their clients."""

import ipaddress
from collections.abc import Iterable
from typing import Annotated, Final, Literal

import msgspec

UNIX: Final = "unix"  # whoever connects to a Unix socket
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Dialect = Literal["x-forwarded", "forwarded"]
BasePath = Annotated[str, msgspec.Meta(pattern=r"^(/[A-Za-z0-9._~-]+)*/?$", max_length=200)]


class BadProxy(ValueError):
    """Neither an address, nor a network, nor ``unix``."""


class Forwarding(msgspec.Struct, frozen=True):
    """``base_path``: the path below which the server is reached, without a slash at its end; it may have been taken
    off by a proxy or not. ``dialect``: the one family of headers that the proxies write; the other is a client's."""

    base_path: str = ""
    trusted: tuple[str, ...] = ()
    dialect: Dialect = "x-forwarded"

    def __bool__(self) -> bool:
        return bool(self.base_path or self.trusted)


def parse_proxies(trusted: Iterable[str]) -> list[Network]:
    """The networks among them. Raises BadProxy."""
    try:
        return [ipaddress.ip_network(text, strict=False) for text in trusted if text != UNIX]
    except ValueError as error:
        raise BadProxy(str(error)) from error
