"""Announcing the server in the local network (mDNS, DNS-SD), by a process of its own that exists only where wanted.

It hears and answers what strangers send, so it has no rights and is nobody; what goes wrong in it stops nothing else.
"""

import importlib.util
import ipaddress
import signal
import socket
from typing import TYPE_CHECKING, Final

import msgspec
import psutil
import structlog

from .refusal import Refused

if TYPE_CHECKING:
    from zeroconf import ServiceInfo, Zeroconf

_log = structlog.get_logger("oad.mdns")

TYPE: Final = "_http._tcp.local."
_LOOK_S: Final = 30.0  # addresses come and go with networks, and what failed is tried again
_ENDING: Final = {signal.SIGTERM, signal.SIGINT}


class Announcement(msgspec.Struct, frozen=True):
    """``host`` is the address that is listened on, ``domain`` the name under which this host is found."""

    host: str
    port: int
    domain: str

    @property
    def name(self) -> str:
        return f"opencode-{self.port}"

    def addresses(self) -> list[str]:
        """At which other hosts reach the server now."""
        listened = ipaddress.ip_address(self.host)
        if not listened.is_unspecified:
            return [str(listened)]
        wanted = {socket.AF_INET, socket.AF_INET6} if listened.version == 6 else {socket.AF_INET}
        own = (each for interface in psutil.net_if_addrs().values() for each in interface if each.family in wanted)
        found = (ipaddress.ip_address(each.address.partition("%")[0]) for each in own)
        return sorted(str(each) for each in found if not each.is_loopback and not each.is_link_local)


def check_library() -> None:
    """Raises Refused."""
    if importlib.util.find_spec("zeroconf") is None:
        raise Refused("mdns needs the library zeroconf, which is not installed: pip install 'oad[mdns]', or --no-mdns")


def announce(announcement: Announcement) -> int:
    """Until SIGTERM; then others are told that the server is gone. Returns the exit status."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)  # before the library starts its thread
    announced = Announced(announcement)
    try:
        announced.renew()
        while signal.sigtimedwait(_ENDING, _LOOK_S) is None:
            announced.renew()
    finally:
        announced.withdraw()
    return 0


class Announced:
    """What other hosts were told, kept in line with the addresses that there are."""

    def __init__(self, announcement: Announcement) -> None:
        self._announcement = announcement
        self._addresses: list[str] = []
        self._told: tuple[Zeroconf, ServiceInfo] | None = None

    def renew(self) -> None:
        """Tells anew what has changed. Failures are logged, and tried again by the next call."""
        addresses = self._announcement.addresses()
        if addresses == self._addresses and self._told is not None:
            return
        self.withdraw()
        self._addresses = addresses
        if addresses:
            self._tell(addresses)

    def _tell(self, addresses: list[str]) -> None:
        from zeroconf import Error, IPVersion, ServiceInfo, Zeroconf

        wanted = self._announcement
        info = ServiceInfo(
            TYPE,
            f"{wanted.name}.{TYPE}",
            port=wanted.port,
            properties={"path": "/"},
            server=f"{wanted.domain.rstrip('.')}.",
            parsed_addresses=addresses,
        )
        mixed = any(":" in address for address in addresses)
        try:
            voice = Zeroconf(interfaces=addresses, ip_version=IPVersion.All if mixed else IPVersion.V4Only)
        except OSError as error:
            _log.warning("can't be announced", error=str(error))
            return
        self._told = voice, info
        try:
            voice.register_service(info, allow_name_change=True)  # another host may have that name
        except (OSError, Error) as error:
            _log.warning("can't be announced", error=f"{type(error).__name__}: {error}")
            self.withdraw()
        else:
            _log.info("announced", name=info.name, host=info.server, addresses=addresses)

    def withdraw(self) -> None:
        if self._told is not None:
            voice, _ = self._told
            self._told = None
            voice.close()  # says goodbye for what was registered
