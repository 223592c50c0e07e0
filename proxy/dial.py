"""From a host and a port to a connection: resolved once, every address looked at, connected to what was looked at."""

import socket
from collections.abc import Awaitable, Callable, Sequence

import trio

from oad.contract.network import Address, Rules, Target, covers, parse_address, refused_address

Resolve = Callable[[str, int], Awaitable[list[Address]]]


class Denied(Exception):
    """The policy does not allow it; the text says why."""


class Unreachable(Exception):
    """Allowed, and yet there is no connection."""


async def look_up(host: str, port: int) -> list[Address]:
    """By the host's resolver. Raises OSError."""
    found = await trio.socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    addresses = [parse_address(str(entry[4][0])) for entry in found]
    if None in addresses:
        raise OSError(f"{host} stands for an address with a zone")
    return list(dict.fromkeys(address for address in addresses if address is not None))


class Dialler:
    """``resolve_s`` and ``connect_s``, in seconds, bound the two steps; the second for all addresses together."""

    def __init__(self, *, resolve: Resolve = look_up, resolve_s: float = 10.0, connect_s: float = 15.0) -> None:
        self._resolve = resolve
        self._resolve_s, self._connect_s = resolve_s, connect_s

    async def dial(self, lists: Sequence[Rules], target: Target) -> tuple[trio.SocketStream, Address]:
        """Raises Denied, Unreachable."""
        if not covers(lists, target):
            raise Denied("not on the allow list")
        addresses = await self._addresses(target)
        # One bad address condemns all: a name that mixes them is either an attack or a mistake.
        for address in addresses:
            reason = refused_address(lists, target, address, own=is_own(address, target.port))
            if reason:
                raise Denied(reason)
        return await self._connect(target, addresses)

    async def _addresses(self, target: Target) -> list[Address]:
        literal = target.address
        if literal is not None:
            return [literal]
        try:
            with trio.fail_after(self._resolve_s):
                addresses = await self._resolve(target.host, target.port)
        except trio.TooSlowError as error:
            raise Unreachable(f"{target.host} could not be resolved in time") from error
        except (OSError, UnicodeError) as error:
            raise Unreachable(f"{target.host} could not be resolved: {error}") from error
        if not addresses:
            raise Unreachable(f"{target.host} has no address")
        return addresses

    async def _connect(self, target: Target, addresses: Sequence[Address]) -> tuple[trio.SocketStream, Address]:
        failure = ""
        with trio.move_on_after(self._connect_s):
            for address in addresses:
                try:
                    return await _connect_one(address, target.port), address
                except OSError as error:
                    failure = f"{target} at {address}: {error.strerror or error}"
        raise Unreachable(failure or f"{target} did not answer in time")


async def _connect_one(address: Address, port: int) -> trio.SocketStream:
    sock = trio.socket.socket(_family(address), socket.SOCK_STREAM)
    try:
        await sock.connect((str(address), port))
    except BaseException:
        sock.close()
        raise
    return trio.SocketStream(sock)


def is_own(address: Address, port: int) -> bool:
    """Whether the route to it ends on this host. Nothing is sent: to connect a datagram socket only picks a source."""
    with socket.socket(_family(address), socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((str(address), port))
        except OSError:
            return False
        return str(probe.getsockname()[0]) == str(address)


def _family(address: Address) -> socket.AddressFamily:
    return socket.AF_INET6 if address.version == 6 else socket.AF_INET
