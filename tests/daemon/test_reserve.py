"""The holder that is forked ahead: it takes the next call, may be killed, and is never left behind."""

import os
import signal
import time
from collections.abc import Callable

import psutil
import pytest
from process_host import Host, Session


def reserves(init: int) -> list[psutil.Process]:
    below = psutil.Process(init).children()
    return [process for process in below if title(process).endswith("reserve")]


def title(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline()).rstrip()
    except psutil.NoSuchProcess:
        return ""


def await_reserve(init: int) -> psutil.Process:
    end = time.monotonic() + 5
    while not (found := reserves(init)):
        assert time.monotonic() < end, "no reserve was forked"
        os.sched_yield()
    (reserve,) = found
    return reserve


def await_end(process: psutil.Process) -> None:
    """Reaped or not: it may have been adopted by somebody who does not reap at once."""
    end = time.monotonic() + 5
    while title(process):
        assert time.monotonic() < end, "it lives"
        os.sched_yield()


@pytest.fixture
def session(any_host: Host, open_session: Callable[[Host], Session]) -> Session:
    return open_session(any_host)


def test_it_takes_the_next_call(session: Session) -> None:
    init = session.info["init"]
    assert session.run("true")["exit"] == 0
    reserve = await_reserve(init)
    id = session.start("bash", "-c", "echo here; sleep 60")
    session.expect("out", id=id)
    assert f"call {id}" in title(reserve)
    session.send("cancel", id=id)
    session.expect("cancelled", id=id)
    assert await_reserve(init) != reserve


def test_one_that_was_killed_is_not_missed(session: Session) -> None:
    init = session.info["init"]
    session.run("true")
    await_reserve(init).kill()
    assert session.run("echo", "on")["out"] == "on\n"
    await_reserve(init)


def test_one_that_was_stopped_is_replaced(session: Session) -> None:
    session.run("true")
    reserve = await_reserve(session.info["init"])
    reserve.suspend()
    assert session.run("echo", "on")["out"] == "on\n"
    await_end(reserve)


def test_it_is_nobody_that_an_end_kills(session: Session) -> None:
    session.run("true")
    reserve = await_reserve(session.info["init"])
    session.send("destroy_all")
    ended = session.expect("destroyed")
    assert (ended["killed"], ended["survivors"]) == (0, 0)
    assert reserve.is_running()


def test_it_does_not_outlive_the_init(session: Session) -> None:
    init = session.info["init"]
    session.run("true")
    reserve = await_reserve(init)
    os.kill(init, signal.SIGKILL)
    await_end(reserve)
