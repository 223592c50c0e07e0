"""The parent is tried in a process of its own: it forks, takes signals, and adopts what its children leave behind."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil

from tests.e2e.server import any_alive, until

PROGRAM = """
import os, signal, socket, sys, time
from pathlib import Path
import oad.cli.parent as parent
from oad.cli.heartbeats import Heartbeats
from oad.service_manager import ServiceManager

parent._DELAYS_S = (0.0, 0.05)
place = Path(sys.argv[1])

def note(name, text):
    with (place / name).open("a") as out:
        out.write(text + "\\n")

def sleep():
    note("sleeper", str(os.getpid()))
    time.sleep(60)

def stubborn():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sleep()

def orphan():
    if os.fork() == 0:
        os.setsid()
        note("orphan", str(os.getpid()))
        time.sleep(60)
    while not (place / "orphan").exists():
        time.sleep(0.01)
    return 1

def chatter():
    print("said")
    note("stdin", repr(sys.stdin.read()))
    sleep()

def ends(name, after_s):
    def end(*_):
        time.sleep(after_s)
        note("ended", name)
        os._exit(0)
    signal.signal(signal.SIGTERM, end)
    sleep()

def beat(number):
    manager = ServiceManager(str(place / "beats"), 2.0)
    for _ in range(number):
        manager.beat()
        time.sleep(0.2)

def freeze():
    note("freezer", str(os.getpid()))
    beat(1)
    os.kill(os.getpid(), signal.SIGSTOP)

def steady():
    note("steady", str(os.getpid()))
    beat(300)

programs = {"freeze": freeze, "steady": steady, "slow": lambda: ends("slow", 0.3), "quick": lambda: ends("quick", 0),
            "sleep": sleep, "fail": lambda: 1, "fatal": lambda: parent.FATAL_STATUS, "orphan": orphan,
            "stubborn": stubborn, "chatter": chatter}
door = socket.socket(socket.AF_UNIX)
door.bind(str(place / "door"))
door.listen()

def answer():
    note("called", "once")
    door.accept()
    return 1

programs["answer"] = answer
doors = {"answer": door}
listed = [parent.Program(name, programs[name], door=doors.get(name)) for name in sys.argv[2:]]
with Heartbeats(place / "beats", 2.0) as heartbeats:
    sys.exit(parent.Parent(listed, heartbeats=heartbeats).run())
"""


def start(place: Path, *programs: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(place), *programs],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def lines(file: Path) -> list[str]:
    return file.read_text().split() if file.exists() else []


async def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    await until(lambda: process.poll() is not None, "the parent ends")
    out, err = process.communicate()
    return int(process.returncode), out, err


async def test_stops_one_after_another_when_asked(tmp_path: Path) -> None:
    process = start(tmp_path, "slow", "quick")
    await until(lambda: len(lines(tmp_path / "sleeper")) == 2, "both run")
    children = psutil.Process(process.pid).children()
    process.send_signal(signal.SIGINT)
    assert (await ended(process))[0] == 0
    assert lines(tmp_path / "ended") == ["slow", "quick"]
    assert not any_alive(children)


async def test_a_child_that_dies_is_started_again(tmp_path: Path) -> None:
    process = start(tmp_path, "sleep")
    await until(lambda: len(lines(tmp_path / "sleeper")) == 1, "it runs")
    os.kill(int(lines(tmp_path / "sleeper")[0]), signal.SIGKILL)
    await until(lambda: len(lines(tmp_path / "sleeper")) == 2, "it runs again")
    process.terminate()
    status, _, error = await ended(process)
    assert status == 0
    assert "sleep ended with status -9 and is started again" in error


async def test_one_with_a_door_runs_when_somebody_knocks(tmp_path: Path) -> None:
    process = start(tmp_path, "sleep", "answer")
    await until(lambda: len(lines(tmp_path / "sleeper")) == 1, "the other runs")
    assert not (tmp_path / "called").exists()
    for calls in (1, 2):  # it ends after each, and is not started again until the next
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(tmp_path / "door"))
            await until(lambda calls=calls: len(lines(tmp_path / "called")) == calls, "it was started")  # type: ignore[misc]
            await until(lambda client=client: client.recv(1) == b"", "it has ended")  # type: ignore[misc]
    process.terminate()
    assert (await ended(process))[0] == 0
    assert len(lines(tmp_path / "called")) == 2


async def test_gives_up_on_one_that_always_fails_and_says_so(tmp_path: Path) -> None:
    status, _, error = await ended(start(tmp_path, "fail", "sleep"))
    assert status == 1
    assert "giving up: fail failed 8 times in a row (status 1)" in error


async def test_gives_up_at_once_on_what_can_never_run(tmp_path: Path) -> None:
    status, _, error = await ended(start(tmp_path, "fatal", "sleep"))
    assert status == 1
    assert "giving up: fatal can't run here" in error
    assert len(lines(tmp_path / "sleeper")) <= 1


async def test_orphans_of_a_dead_child_are_killed(tmp_path: Path) -> None:
    process = start(tmp_path, "orphan", "sleep")
    await until(lambda: bool(lines(tmp_path / "orphan")), "there is an orphan")
    orphan = int(lines(tmp_path / "orphan")[0])
    await until(lambda: not psutil.pid_exists(orphan), "it is gone")
    process.terminate()
    await ended(process)


async def test_nothing_outlives_a_parent_that_is_killed(tmp_path: Path) -> None:
    process = start(tmp_path, "sleep", "stubborn")
    await until(lambda: len(lines(tmp_path / "sleeper")) == 2, "both run")
    children = psutil.Process(process.pid).children()
    process.kill()
    await ended(process)
    await until(lambda: not any_alive(children), "its children are gone")


async def test_a_second_signal_ends_the_wait_for_the_stubborn(tmp_path: Path) -> None:
    process = start(tmp_path, "stubborn")
    await until(lambda: len(lines(tmp_path / "sleeper")) == 1, "it runs")
    process.terminate()
    process.send_signal(signal.SIGINT)
    assert (await ended(process))[0] == 0


async def test_children_neither_read_nor_write_the_standard_streams(tmp_path: Path) -> None:
    process = start(tmp_path, "chatter")
    await until(lambda: len(lines(tmp_path / "sleeper")) == 1, "it runs")
    process.terminate()
    status, out, error = await ended(process)
    assert status == 0
    assert "said" in error and "said" not in out
    assert lines(tmp_path / "stdin") == ["''"]


async def test_who_freezes_is_replaced(tmp_path: Path) -> None:
    process = start(tmp_path, "steady", "freeze", "sleep")
    await until(lambda: len(lines(tmp_path / "freezer")) == 2, "it is started again")
    assert len(lines(tmp_path / "steady")) == 1
    assert len(lines(tmp_path / "sleeper")) == 1, "who never said anything is not watched"
    process.terminate()
    _, _, err = await ended(process)
    assert "freeze ended with status -9" in err
