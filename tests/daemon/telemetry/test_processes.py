import os
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from oad.daemon.process_usage import TICKS
from oad.daemon.telemetry.processes import Label, Look, ProcessTable, Seen, kind_of, scan

CHILD = "import subprocess, sys; child = subprocess.Popen(['sleep', '300']); print('up', flush=True); child.wait()"


@pytest.fixture
def tree() -> Iterator[subprocess.Popen[bytes]]:
    """A process with one child, ``sleep``."""
    with subprocess.Popen([sys.executable, "-c", CHILD], stdout=subprocess.PIPE, process_group=0) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        os.killpg(process.pid, 9)


def look_at(tree: subprocess.Popen[bytes]) -> list[Seen]:
    return sorted(scan({tree.pid: Label("init", "ses_1", "/p")}).processes, key=lambda seen: seen.pid != tree.pid)


def test_finds_all_below_what_is_known(tree: subprocess.Popen[bytes]) -> None:
    own, below = look_at(tree)
    until = time.monotonic() + 20
    while below.command != "sleep 300" and time.monotonic() < until:  # it is about to be executed
        own, below = look_at(tree)
    assert (own.pid, own.parent, own.label) == (tree.pid, os.getpid(), Label("init", "ses_1", "/p"))
    assert (below.command, below.parent) == ("sleep 300", tree.pid)
    assert below.label == Label("holder", "ses_1", "/p")
    assert own.memory_bytes > 1_000_000
    assert own.threads >= 1


def test_what_is_gone_is_left_out() -> None:
    with subprocess.Popen(["true"]) as process:
        process.wait()
        assert scan({process.pid: Label("gateway")}).processes == ()


def seen(pid: int, kind: str, parent: int = 1, *, cpu: int = 0, waited: int = 0, start: int = 5) -> Seen:
    label = Label("worker", "ses_1", name="session") if kind == "worker" else Label(kind, "ses_1")
    return Seen(pid, parent, label, "", "S", 1, 100, cpu, waited, start)


def test_time_of_commands_does_not_go_down_when_they_end() -> None:
    table = ProcessTable(dict)
    running = (
        seen(10, "init", waited=TICKS),
        seen(11, "worker", 10, cpu=TICKS),
        seen(12, "holder", 10),
        seen(13, "command", 12, cpu=3 * TICKS),
    )
    table._add_cpu(Look(0, running))
    assert dict(table.cpu_s) == {"init": 0, "command": 4, "session-worker": 1}
    # The command has ended: its holder has waited for it, then the init for the holder.
    table._add_cpu(Look(1, (running[0], running[1], seen(12, "holder", 10, waited=4 * TICKS))))
    assert table.cpu_s["command"] == 5
    table._add_cpu(Look(2, (seen(10, "init", waited=5 * TICKS), running[1])))
    assert table.cpu_s["command"] == 5
    # Another session's init has got the number.
    table._add_cpu(Look(3, (seen(10, "init", waited=TICKS, start=9),)))
    assert table.cpu_s["command"] == 6
    assert table.cpu_s["session-worker"] == 1


async def test_a_look_is_kept_for_a_second() -> None:
    asked: list[int] = []

    def label() -> dict[int, Label]:
        asked.append(1)
        return {os.getpid(): Label("daemon")}

    table = ProcessTable(label)
    first = await table.look()
    assert await table.look() is first
    assert len(asked) == 1
    assert first.processes[0].label == Label("daemon")


def test_kinds() -> None:
    assert kind_of(Label("worker", name="pty")) == "pty-worker"
    assert kind_of(Label("gateway", name="gateway-0")) == "gateway"
