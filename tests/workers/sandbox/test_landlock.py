"""Each denial beside the same action where it is allowed, and before the restriction."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from oad.workers.sandbox import landlock

pytestmark = pytest.mark.skipif(landlock.find_abi() < 1, reason="no Landlock here")


@pytest.fixture
def roots(tmp_path: Path) -> tuple[Path, Path]:
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    for root in (inside, outside):
        root.mkdir()
        (root / "file").write_text("old")
    (inside / "link").symlink_to(outside / "file")
    return inside, outside


def outcome(act: Callable[[Path], object], root: Path) -> str:
    try:
        act(root)
    except OSError as error:
        return type(error).__name__
    return "ok"


def restricted(root: Path, act: Callable[[Path], object], place: Path) -> str:
    """What comes of ``act`` in a child that may write below ``root`` only."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            landlock.restrict_writes([str(root), *landlock.DEVICES])
            os.write(writer, outcome(act, place).encode())
        except BaseException as error:
            os.write(writer, repr(error).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as file:
        text = file.read()
    os.waitpid(pid, 0)
    return text


def write(root: Path) -> None:
    (root / "file").write_text("new")


def append(root: Path) -> None:
    with (root / "file").open("a") as file:
        file.write("more")


def truncate(root: Path) -> None:
    os.truncate(root / "file", 0)


def create(root: Path) -> None:
    (root / "new").write_text("new")


def make_directory(root: Path) -> None:
    (root / "directory").mkdir()


def remove(root: Path) -> None:
    (root / "file").unlink()


def rename(root: Path) -> None:
    (root / "file").rename(root / "renamed")


def link(root: Path) -> None:
    (root / "hard").hardlink_to(root / "file")


ACTS = [write, append, truncate, create, make_directory, remove, rename, link]


@pytest.mark.parametrize("act", ACTS, ids=lambda act: act.__name__)
def test_writing_is_for_the_roots_only(roots: tuple[Path, Path], act: Callable[[Path], object]) -> None:
    inside, outside = roots
    assert restricted(inside, act, outside) == "PermissionError"
    assert (outside / "file").read_text() == "old"
    assert restricted(inside, act, inside) == "ok"
    assert outcome(act, outside) == "ok", "the control does not work"


def test_a_symlink_does_not_lead_out(roots: tuple[Path, Path]) -> None:
    inside, outside = roots
    assert restricted(inside, lambda root: (root / "link").write_text("new"), inside) == "PermissionError"
    assert (outside / "file").read_text() == "old"


def test_moving_out_and_in_is_denied(roots: tuple[Path, Path]) -> None:
    inside, outside = roots
    assert restricted(inside, lambda root: (root / "file").rename(outside / "taken"), inside) != "ok"
    assert restricted(inside, lambda root: (root / "file").rename(inside / "taken"), outside) != "ok"


def test_reading_and_devices_stay(roots: tuple[Path, Path]) -> None:
    inside, outside = roots
    assert restricted(inside, lambda root: (root / "file").read_text(), outside) == "ok"
    assert restricted(inside, lambda _: Path("/dev/null").write_text("x"), outside) == "ok"


def test_a_socket_of_the_daemon_can_still_be_reached(roots: tuple[Path, Path]) -> None:
    inside, outside = roots
    path = outside / "socket"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def connect(_: Path) -> None:
            with socket.socket(socket.AF_UNIX) as sock:
                sock.connect(str(path))

        assert restricted(inside, connect, outside) == "ok"


def test_missing_roots_are_named(roots: tuple[Path, Path]) -> None:
    inside, _ = roots

    def restrict(root: Path) -> None:
        result = landlock.restrict_writes([str(root), str(root / "missing"), ""])
        assert (result.writable, result.missing) == ([str(root)], [str(root / "missing")])
        assert result.abi == landlock.find_abi()

    assert restricted(inside, restrict, inside) == "ok"
