"""Descriptors are passed by number, so a process of its own takes them."""

import os
import socket
import subprocess
import sys

import pytest

from oad.cli.activation import take_listeners

PROGRAM = """
import os, socket, sys
from oad.cli.activation import take_listeners
os.environ.update(LISTEN_FDS=sys.argv[1], LISTEN_PID=str(os.getpid()), LISTEN_FDNAMES="a:b")
for each in take_listeners(os.environ):
    timeout = each.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) if each.family == socket.AF_INET else 0
    print(each.family.name, each.getsockname(), timeout, os.get_inheritable(each.fileno()))
print(sorted(name for name in os.environ if name.startswith("LISTEN")))
"""


def test_takes_what_the_manager_has_opened() -> None:
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_UNIX) as unix:
        unix.bind(f"\0oad-activation-{os.getpid()}")
        unix.listen()
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, "2"],
            capture_output=True,
            text=True,
            check=True,
            pass_fds=(3, 4),
            preexec_fn=lambda: (os.dup2(tcp.fileno(), 3), os.dup2(unix.fileno(), 4), None)[-1],
        )
        first, second, left = done.stdout.splitlines()
    assert first.startswith("AF_INET ('127.0.0.1', ")
    assert first.endswith(" 20000 False")
    assert second.startswith("AF_UNIX")
    assert second.endswith(" 0 False")
    assert left == "[]"


@pytest.mark.parametrize(
    "environment",
    [{}, {"LISTEN_FDS": "2", "LISTEN_PID": "1"}, {"LISTEN_FDS": "x", "LISTEN_PID": str(os.getpid())}],
)
def test_what_is_not_for_us_is_left_alone(environment: dict[str, str]) -> None:
    assert take_listeners(environment) == []
    assert environment == {}
