"""The parent's look at what its processes have said; here they are all this one."""

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from oad.cli.heartbeats import Heartbeats
from oad.service_manager import ServiceManager


@pytest.fixture
def heartbeats(tmp_path: Path) -> Iterator[Heartbeats]:
    before = signal.signal(signal.SIGIO, signal.SIG_IGN)  # the parent waits for it
    with Heartbeats(tmp_path / "beats", 3.0) as heartbeats:
        yield heartbeats
    signal.signal(signal.SIGIO, before)


def test_silence_is_noticed_once(heartbeats: Heartbeats) -> None:
    manager = ServiceManager(heartbeats.address, 3.0)
    assert (heartbeats.find_frozen(100), heartbeats.look_in(100)) == ([], None)
    manager.ready("serving")  # not a beat
    manager.beat()
    assert (heartbeats.find_frozen(101), heartbeats.look_in(101)) == ([], 3)
    manager.beat()
    assert (heartbeats.find_frozen(103), heartbeats.look_in(104)) == ([], 2)
    assert (heartbeats.find_frozen(106), heartbeats.look_in(106)) == ([os.getpid()], None)
    assert heartbeats.find_frozen(107) == []


def test_who_has_ended_is_not_missed(heartbeats: Heartbeats) -> None:
    ServiceManager(heartbeats.address, 3.0).beat()
    heartbeats.find_frozen(100)
    heartbeats.forget(os.getpid())
    assert heartbeats.find_frozen(103) == []


def test_a_parent_that_was_stopped_itself_blames_nobody(heartbeats: Heartbeats) -> None:
    ServiceManager(heartbeats.address, 3.0).beat()
    heartbeats.find_frozen(100)
    assert (heartbeats.find_frozen(200), heartbeats.look_in(200)) == ([], 3)
    assert heartbeats.find_frozen(203) == [os.getpid()]


def test_nobody_is_watched_without_a_limit(tmp_path: Path) -> None:
    with Heartbeats(tmp_path / "beats", 0.0) as heartbeats:
        assert (heartbeats.find_frozen(1), heartbeats.look_in(1)) == ([], None)
        assert list(tmp_path.iterdir()) == []


def test_it_leaves_nothing(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as stale:
        stale.bind(str(tmp_path / "beats"))  # of a parent that was killed
    with Heartbeats(tmp_path / "beats", 1.0):
        assert (tmp_path / "beats").is_socket()
    assert list(tmp_path.iterdir()) == []
