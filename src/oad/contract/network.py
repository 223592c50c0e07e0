"""Which hosts a session may reach: the rules of an allow list, and the addresses that no name may lead to. Pure.

Two questions, asked one after the other: may this session speak to this *host and port* (``covers``), and may it speak
to the *address* that the host's name stands for just now (``refused_address``). The second is what keeps a name that an
attacker controls from leading to the cloud's metadata, to the private network or back to this host.
"""

import ipaddress
import re
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from .policy import NetworkPolicy

DEFAULT_PORTS: Final = (80, 443)

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_NAME: Final = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(\.(?!-)[a-z0-9_-]{1,63}(?<!-))*")
_LONGEST_NAME: Final = 253
# Public by their numbers, and yet the platform's own: the metadata service of a large cloud.
_PLATFORM: Final = (ipaddress.ip_address("168.63.129.16"),)
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
_COMPATIBLE: Final = ipaddress.IPv6Network("::/96")
# Not all of these are "private" to every version of Python's ipaddress.
_REFUSED: Final[tuple[Network, ...]] = (
    *map(ipaddress.IPv4Network, ("0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24")),
    *map(ipaddress.IPv4Network, ("198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4")),
    *map(ipaddress.IPv6Network, ("100::/64", "2001::/23", "2001:db8::/32", "3fff::/20", "5f00::/16")),
    ipaddress.IPv6Network("64:ff9b:1::/48"),  # translation with a prefix of the network's own: any address may be meant
    ipaddress.IPv6Network("fec0::/10"),  # site-local, of old
)


class BadRule(ValueError):
    """An entry of an allow list that means nothing; the text says why."""


class BadHost(ValueError):
    """Not a name, and not an address."""


class Target(msgspec.Struct, frozen=True):
    """Where a request wants to go. ``host`` in lower case, without the last dot, ASCII; of IPv6 without brackets."""

    host: str
    port: int

    @property
    def address(self) -> Address | None:
        """The host, when it is an address and no name."""
        return parse_address(self.host)

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Rule(msgspec.Struct, frozen=True):
    """One entry of an allow list. ``host`` is empty for any host; exactly one of ``host`` and ``network`` counts."""

    host: str = ""
    subdomains: bool = False  # those, and not the name itself
    network: Network | None = None
    ports: tuple[int, ...] = DEFAULT_PORTS

    def covers(self, target: Target) -> bool:
        return target.port in self.ports and self._covers_host(target)

    def covers_address(self, address: Address, port: int) -> bool:
        """Whether it names this address, or a network that holds it: a rule for names never does."""
        return port in self.ports and self.network is not None and address in self.network

    def _covers_host(self, target: Target) -> bool:
        if self.network is not None:
            address = target.address
            return address is not None and address in self.network
        if self.subdomains:
            return target.host.endswith(f".{self.host}") and target.address is None
        return not self.host or target.host == self.host


Rules = tuple[Rule, ...]


def parse_rule(text: str) -> Rule:
    """``host``, ``host:port``, ``*.suffix``, ``*``, an address, or a network such as ``10.1.0.0/16``; IPv6 with a port
    in brackets. Without a port: 80 and 443. Raises BadRule."""
    host, port = _split_port(text.strip().lower())
    ports = DEFAULT_PORTS if port is None else (port,)
    if host == "*":
        return Rule(ports=ports)
    subdomains = host.startswith("*.")
    name = host[2:] if subdomains else host
    network = None if subdomains else _parse_network(name)
    if network is not None:
        return Rule(network=network, ports=ports)
    try:
        name = canonical_host(name)
    except BadHost as error:
        raise BadRule(f"{text!r}: {error}") from error
    if parse_address(name) is not None or name.replace(".", "").isdigit():
        raise BadRule(f"{text!r} is neither a name nor a complete address")
    return Rule(host=name, subdomains=subdomains, ports=ports)


def parse_rules(texts: Iterable[str]) -> Rules:
    """Raises BadRule for the first bad one."""
    return tuple(parse_rule(text) for text in texts)


def describe_policy(policy: NetworkPolicy) -> str:
    """For people: which mode is in force, and what that means."""
    match policy.mode:
        case "off":
            return "off (none at all)"
        case "on":
            return "on (all of this host's network)"
        case "allow":
            hosts = ", ".join(policy.allow) or "nothing, since the list is empty"
            return f"allow (by a filtering proxy: {hosts})"


def parse_target(text: str, default_port: int | None = None) -> Target:
    """``host:port``, as CONNECT gives it. Raises BadHost."""
    try:
        host, port = _split_port(text)
    except BadRule as error:
        raise BadHost(str(error)) from error
    port = default_port if port is None else port
    if port is None:
        raise BadHost(f"{text!r} has no port")
    return Target(canonical_host(host), port)


def canonical_host(host: str) -> str:
    """The one spelling of a host. Raises BadHost."""
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    address = parse_address(host)
    if address is not None:
        return str(address)
    name = host.lower().removesuffix(".")
    if not name.isascii():
        try:
            name = name.encode("idna").decode()
        except UnicodeError as error:
            raise BadHost(f"{host!r} is not a host name") from error
    if len(name) > _LONGEST_NAME or not _NAME.fullmatch(name):
        raise BadHost(f"{host!r} is not a host name")
    return name


def parse_address(text: str) -> Address | None:
    """None for everything else, addresses with a zone (``fe80::1%eth0``) included."""
    if "%" in text:
        return None
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def covers(lists: Sequence[Rules], target: Target) -> bool:
    """Every list must cover it: the operator's, the parent session's, the session's own. Without any list: nothing."""
    return bool(lists) and all(any(rule.covers(target) for rule in rules) for rules in lists)


def refused_address(lists: Sequence[Rules], target: Target, address: Address, *, own: bool = False) -> str:
    """Why ``address``, to which the target's host was resolved, must not be connected to; empty when it may be.
    ``own``: it is an address of this very host, whose services trust what comes from there.

    What is not public must be listed as an address itself, in every list; the name ``localhost`` stands for its own."""
    kind = kind_of(address) or ("this host's own address" if own else "")
    if not kind:
        return ""
    meant = _innermost(address)
    if lists and all(_lists_address(rules, target, (address, meant)) for rules in lists):
        return ""
    return f"{address} is {kind}, and not listed"


def _lists_address(rules: Rules, target: Target, forms: Sequence[Address]) -> bool:
    if any(rule.covers_address(form, target.port) for rule in rules for form in forms):
        return True
    is_itself = target.host == "localhost" and forms[-1].is_loopback
    return is_itself and any(rule.host == "localhost" and rule.covers(target) for rule in rules)


def kind_of(address: Address) -> str:
    """What an address is, unless it is one of the public internet: then nothing."""
    inner = _innermost(address)
    if inner != address:
        kind = kind_of(inner)
        return f"{kind} in disguise" if kind else ""
    for name, is_so in (
        ("unspecified", address.is_unspecified),
        ("a loopback address", address.is_loopback),
        ("a multicast address", address.is_multicast),
        ("a link-local address (metadata services are there)", address.is_link_local),
        ("a platform's own address", address in _PLATFORM),
        ("a private address", address.is_private or not address.is_global),
        ("a reserved address", address.is_reserved or any(address in network for network in _REFUSED)),
    ):
        if is_so:
            return name
    return ""


def _innermost(address: Address) -> Address:
    """The IPv4 address that a form of IPv6 stands for, where there is one."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    inner = address.ipv4_mapped or address.sixtofour
    if inner is not None:
        return inner
    number = int(address)
    if address in _NAT64 or (address in _COMPATIBLE and number > 0xFFFF):
        return ipaddress.IPv4Address(number & 0xFFFF_FFFF)
    if (number >> 32) & 0xFFFF_FFFF in (0x0000_5EFE, 0x0200_5EFE):  # ISATAP
        return ipaddress.IPv4Address(number & 0xFFFF_FFFF)
    return address


def _parse_network(text: str) -> Network | None:
    """Raises BadRule for a network with bits beyond its mask, which is mostly a mistake."""
    if text.startswith("[") and text.endswith("]"):
        text = text[1:-1]
    if "/" not in text and parse_address(text) is None:
        return None
    try:
        return ipaddress.ip_network(text)
    except ValueError as error:
        raise BadRule(str(error)) from error


def _split_port(text: str) -> tuple[str, int | None]:
    if text.startswith("["):
        host, bracket, rest = text.partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise BadRule(f"{text!r} is not a host")
        return host + "]", _parse_port(text, rest[1:]) if rest else None
    if text.count(":") > 1:
        return text, None  # IPv6 without brackets
    host, colon, port = text.partition(":")
    return host, _parse_port(text, port) if colon else None


def _parse_port(text: str, port: str) -> int:
    if not (port.isascii() and port.isdigit() and len(port) <= 5 and 1 <= int(port) <= 65535):
        raise BadRule(f"{text!r} has no valid port")
    return int(port)
