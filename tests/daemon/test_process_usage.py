"""Usage of real processes, below this one as below a session's init."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from oad.daemon import procs, tree_kill
from oad.daemon.process_usage import TICKS, CallUse, call_number, measure, proportional_kb, read_use, written_bytes

Start = Callable[[str], int]


@pytest.fixture
def start() -> Iterator[Start]:
    """A Python program below a shell; returns when it has printed a line."""
    running: list[subprocess.Popen[bytes]] = []

    def begin(code: str) -> int:
        running.append(subprocess.Popen(["bash", "-c", 'python3 -S -c "$0"; exit', code], stdout=subprocess.PIPE))
        process = running[-1]
        assert process.stdout is not None
        assert process.stdout.readline()
        return process.pid

    yield begin
    for process in running:
        tree_kill.kill_below(process.pid)
        process.kill()
        process.communicate()


def the_call(holder: int, enough: int | None = None) -> CallUse:
    use = measure(os.getpid(), 0, 0, enough=enough)
    return next(call for call in use.calls if call.holder.pid == holder)


PAUSE = "print('up', flush=True); import signal; signal.pause()"


def test_memory_cpu_and_tasks(start: Start) -> None:
    heavy = "x = b'x' * 40_000_000\nfor _ in range(3_000_000): pass\n"
    threads = (
        "import threading, signal\n[threading.Thread(target=signal.pause, daemon=True).start() for _ in range(2)]\n"
    )
    call = the_call(start(heavy + threads + PAUSE))
    assert call.tasks == 3
    assert 40_000 < call.memory_kb < 90_000
    assert call.cpu / TICKS > 0.02
    assert not call.cut


def test_who_begins_a_terminal_session_is_known(start: Start) -> None:
    forks = "import os, signal\nif os.fork(): signal.pause()\nos.setsid()\n"
    (leader,) = the_call(start(forks + PAUSE)).leaders
    assert os.getsid(leader.pid) == leader.pid
    assert procs.identify(leader.pid) == leader


def test_what_children_share_is_counted_once_by_pss(start: Start) -> None:
    forks = "import os\nx = b'x' * 40_000_000\n"
    forks += "for _ in range(3):\n    if not os.fork(): break\nelse: print('up', flush=True)\n"
    holder = start(forks + "import signal; signal.pause()")
    call = the_call(holder)
    assert call.memory_kb > 4 * 40_000
    assert 40_000 < proportional_kb(call) < 80_000


def test_it_does_not_count_what_is_far_too_much_to_the_end(start: Start) -> None:
    forks = "import os\nfor _ in range(30):\n    if not os.fork(): break\nelse: print('up', flush=True)\n"
    holder = start(forks + "import signal; signal.pause()")
    assert the_call(holder).tasks == 31
    cut = the_call(holder, enough=0)
    assert cut.cut
    assert 0 < cut.tasks < 31


def test_what_dead_children_have_used_is_known(start: Start, tmp_path: Path) -> None:
    file = tmp_path / "written"
    code = f"""
import os
if not os.fork():
    for _ in range(3_000_000): pass
    f = os.open({str(file)!r}, os.O_WRONLY | os.O_CREAT)
    os.write(f, bytes(3_000_000)); os.fsync(f)
    os._exit(0)
os.wait()
"""
    call = the_call(start(code + PAUSE))
    assert call.tasks == 1
    assert call.cpu / TICKS > 0.02
    if file.stat().st_dev != os.stat("/dev/shm").st_dev:
        assert written_bytes(call) >= 3_000_000


def test_nobody() -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    assert read_use(gone.pid) is None
    assert call_number(gone.pid) is None
    assert proportional_kb(CallUse(procs.Process(gone.pid, 1), (gone.pid,), 0, 0, 0, False)) == 0


def test_a_holder_is_known_by_its_title() -> None:
    code = "import setproctitle, sys; setproctitle.setproctitle(sys.argv[1]); print(); sys.stdin.read()"
    for title, number in (("oad-session ses_x call 17", 17), ("oad-session ses_x init", None)):
        holder = subprocess.Popen(
            [sys.executable, "-c", code, title], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=dict(os.environ)
        )
        assert holder.stdout is not None
        holder.stdout.readline()
        assert call_number(holder.pid) == number
        holder.communicate()


def test_a_frozen_tree_stands_still(start: Start) -> None:
    code = "import os\nfor _ in range(5):\n    if not os.fork(): break\nelse: print('up', flush=True)\n"
    holder = start(code + "import signal; signal.pause()")
    assert tree_kill.freeze_below(holder) == 6
    while {stat.state for pid in procs.descendants(holder) if (stat := procs.read_stat(pid))} != {"T"}:
        pass  # the signal is there; to stop, a process must first get its turn on a processor
    assert tree_kill.kill_below(holder).survivors == 0
