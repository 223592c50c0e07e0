import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio
import trio.testing

from oad import __version__
from oad.service_manager import ServiceManager, take_service_manager

OAD = f"oad {__version__}: "


@pytest.fixture
def heard(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(tmp_path / "notify"))
        receiver.setblocking(False)
        yield receiver


def messages(receiver: socket.socket) -> list[str]:
    found = list[str]()
    while True:
        try:
            found.append(receiver.recv(4096).decode())
        except BlockingIOError:
            return found


def test_speaks_the_protocol(heard: socket.socket) -> None:
    manager = ServiceManager(heard.getsockname())
    manager.ready("serving")
    manager.reloading()
    manager.stopping("ending")
    ready, reloading, stopping = messages(heard)
    assert ready == f"READY=1\nSTATUS={OAD}serving"
    assert reloading.startswith("RELOADING=1\nMONOTONIC_USEC=")
    assert reloading.rpartition("=")[2].isdigit()
    assert stopping == f"STOPPING=1\nSTATUS={OAD}ending"


def test_an_abstract_address() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(f"\0oad-test-{os.getpid()}")
        ServiceManager(f"@oad-test-{os.getpid()}").ready("x")
        assert receiver.recv(100) == f"READY=1\nSTATUS={OAD}x".encode()


def test_nobody_listens() -> None:
    ServiceManager().ready("x")
    ServiceManager("/nonexistent/socket").ready("x")  # a manager that is restarting must not end us


async def test_beats_as_long_as_the_loop_turns(
    heard: socket.socket, autojump_clock: trio.testing.MockClock, nursery: trio.Nursery
) -> None:
    nursery.start_soon(ServiceManager(heard.getsockname(), watchdog_s=6.0).report, lambda: "well")
    with trio.move_on_after(13.9):
        await trio.sleep_forever()
    said = messages(heard)
    assert said.count("WATCHDOG=1") == 7  # three times as often as needed
    assert said.count(f"STATUS={OAD}well") == 1  # what has not changed is not said again


async def test_without_a_watchdog_only_the_status_is_told(
    heard: socket.socket, autojump_clock: trio.testing.MockClock, nursery: trio.Nursery
) -> None:
    states = iter(["one", "one", "two", *["two"] * 100])
    nursery.start_soon(ServiceManager(heard.getsockname()).report, lambda: next(states))
    with trio.move_on_after(100):
        await trio.sleep_forever()
    assert messages(heard) == [f"STATUS={OAD}one", f"STATUS={OAD}two"]


def test_taken_from_the_environment_and_kept_from_children(heard: socket.socket) -> None:
    environment = {
        "NOTIFY_SOCKET": heard.getsockname(),
        "WATCHDOG_USEC": "3000000",
        "WATCHDOG_PID": str(os.getpid()),
        "HOME": "/",
    }
    take_service_manager(environment).ready("x")
    assert environment == {"HOME": "/"}
    assert messages(heard) == [f"READY=1\nSTATUS={OAD}x"]


@pytest.mark.parametrize(("watched", "limit"), [("1", "3000000"), ("", "nonsense"), ("", "")])
async def test_a_watchdog_that_is_not_ours(
    watched: str, limit: str, heard: socket.socket, autojump_clock: trio.testing.MockClock, nursery: trio.Nursery
) -> None:
    environment = {"NOTIFY_SOCKET": heard.getsockname(), "WATCHDOG_USEC": limit, "WATCHDOG_PID": watched}
    nursery.start_soon(take_service_manager(environment).report, lambda: "well")
    with trio.move_on_after(100):
        await trio.sleep_forever()
    assert "WATCHDOG=1" not in messages(heard)


def test_asks_for_more_time_to_stop(heard: socket.socket) -> None:
    ServiceManager(heard.getsockname()).stopping("draining", within_s=20.0)
    assert messages(heard) == [f"STOPPING=1\nSTATUS={OAD}draining\nEXTEND_TIMEOUT_USEC=20000000"]
