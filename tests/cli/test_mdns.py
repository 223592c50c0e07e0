"""Announcements, heard by a browser of the same library on loopback."""

import importlib.util
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import psutil
import pytest
from zeroconf import ServiceBrowser, ServiceStateChange, Zeroconf

from oad.cli import mdns
from oad.cli.mdns import TYPE, Announced, Announcement, check_library
from oad.cli.refusal import Refused

PATIENCE_S = 30


class Listener:
    """What is announced of one name, as others hear it."""

    def __init__(self, interface: str, name: str) -> None:
        self._voice = Zeroconf(interfaces=[interface])
        self._name = f"{name}.{TYPE}"
        self.states: list[ServiceStateChange] = []
        self._browser = ServiceBrowser(self._voice, TYPE, handlers=[self._note])

    def _note(self, zeroconf: Any, service_type: str, name: str, state_change: ServiceStateChange) -> None:
        if name == self._name:
            self.states.append(state_change)

    def hears(self, wanted: ServiceStateChange) -> bool:
        end = time.monotonic() + PATIENCE_S
        while wanted not in self.states and time.monotonic() < end:
            time.sleep(0.02)
        return wanted in self.states

    def ask(self) -> Any:
        return self._voice.get_service_info(TYPE, self._name, timeout=PATIENCE_S * 1000)

    def close(self) -> None:
        self._browser.cancel()
        self._voice.close()


@pytest.fixture
def announcement() -> Announcement:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return Announcement("127.0.0.1", free.getsockname()[1], "oad-test.local")


@pytest.fixture
def listener(announcement: Announcement) -> Iterator[Listener]:
    listener = Listener("127.0.0.1", announcement.name)
    yield listener
    listener.close()


def test_others_find_the_server_until_it_goes(announcement: Announcement, listener: Listener) -> None:
    announced = Announced(announcement)
    announced.renew()
    try:
        assert listener.hears(ServiceStateChange.Added)
        info = listener.ask()
        assert (info.port, info.server, info.properties) == (announcement.port, "oad-test.local.", {b"path": b"/"})
        assert info.parsed_addresses() == ["127.0.0.1"]
    finally:
        announced.withdraw()
    assert listener.hears(ServiceStateChange.Removed)


def test_a_process_announces_until_its_end(announcement: Announcement, listener: Listener) -> None:
    code = f"from oad.cli.mdns import *; announce(Announcement('127.0.0.1', {announcement.port}, 'oad-test.local'))"
    with subprocess.Popen([sys.executable, "-c", code]) as process:
        assert listener.hears(ServiceStateChange.Added)
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 0
    assert listener.hears(ServiceStateChange.Removed)


def test_it_is_told_anew_when_addresses_change(monkeypatch: pytest.MonkeyPatch, announcement: Announcement) -> None:
    told: list[list[str]] = []
    monkeypatch.setattr(Announced, "_tell", lambda _, addresses: told.append(addresses))
    announced = Announced(Announcement("0.0.0.0", 1, "a.local"))
    for address in ("10.0.0.1", "10.0.0.2"):
        _interfaces(monkeypatch, address)
        announced.renew()
    _interfaces(monkeypatch, "127.0.0.1")
    announced.renew()
    assert told == [["10.0.0.1"], ["10.0.0.2"]]


def test_what_others_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    _interfaces(monkeypatch, "127.0.0.1", "10.0.0.1", "169.254.1.1", "::1", "fd00::1", "fe80::1%eth0")
    assert Announcement("0.0.0.0", 1, "a.local").addresses() == ["10.0.0.1"]
    assert Announcement("::", 1, "a.local").addresses() == ["10.0.0.1", "fd00::1"]
    assert Announcement("10.0.0.9", 1, "a.local").addresses() == ["10.0.0.9"]


def test_a_network_that_fails_is_tried_again(monkeypatch: pytest.MonkeyPatch, announcement: Announcement) -> None:
    monkeypatch.setattr("zeroconf.Zeroconf", _failing)
    announced = Announced(announcement)
    announced.renew()
    monkeypatch.undo()
    announced.renew()
    assert announced._told is not None
    announced.withdraw()


def test_without_the_library_it_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    check_library()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(Refused, match=r"pip install 'oad\[mdns\]'"):
        check_library()


def _failing(**_: Any) -> None:
    raise OSError(19, "No such device")


def _interfaces(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    family = {True: socket.AF_INET6, False: socket.AF_INET}
    found = [psutil._ntuples.snicaddr(family[":" in each], each, None, None, None) for each in addresses]
    monkeypatch.setattr(mdns.psutil, "net_if_addrs", lambda: {"eth0": found})
