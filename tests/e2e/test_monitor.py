"""``oad top``, ``ps`` and ``logs`` against real servers, ``top`` in a real terminal of 80 columns and 24 lines."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio

from .marks import alive
from .server import Server, until
from .tmux import Terminal

needs_tmux = pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")
SANE = "echo status=$?; stty -a | grep -qw -- '-echo' && echo broken || echo sane; sleep 600"


@pytest.fixture
def terminal(place: Path) -> Iterator[Terminal]:
    terminal = Terminal(place, 80, 24)
    yield terminal
    terminal.close()


def environment() -> dict[str, str]:
    return {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "HOME") if name in os.environ}


async def oad(server: Server, *arguments: str, status: int = 0) -> str:
    command = [sys.executable, "-m", "oad.cli.main", *arguments, "--data-dir", str(server.data)]
    done = await trio.run_process(command, capture_stdout=True, capture_stderr=True, check=False)
    assert done.returncode == status, done.stderr.decode()
    return done.stdout.decode()


async def show_top(terminal: Terminal, server: Server, *options: str) -> None:
    command = [sys.executable, "-m", "oad.cli.main", "top", "--data-dir", str(server.data), "-d", "0.5", *options]
    line = " ".join(["exec 2>&1;", *command, ";", SANE])
    await terminal.run(["sh", "-c", line], environment=environment(), cwd=server.project)


async def run_sleep(server: Server, mark: str, title: str) -> str:
    session = await server.create(title=title)
    await server.prompt_async(session, f"run sleep {mark}")
    await until(lambda: bool(alive(mark)), "the command runs")
    return session


async def test_once_and_for_programs(plain: Server) -> None:
    session = await run_sleep(plain, "89411", "told once")
    head, *rows = (await oad(plain, "top", "--once", "--sort", "cpu")).splitlines()
    assert head.split()[:4] == ["STATE", "AGE", "TURN", "CPU%"]
    (row,) = [row for row in rows if session in row]
    assert row.startswith("running")
    assert row.endswith("told once")
    found: dict[str, Any] = msgspec.json.decode(await oad(plain, "top", "--json"))
    assert session in [each["id"] for each in found["sessions"]]
    await oad(plain, "top", "--once", "--sort", "beauty", status=2)
    await oad(plain, "top", status=2)  # no terminal
    text = await oad(plain, "ps")
    assert f"{session}  {plain.project}  running" in text
    assert "sleep 89411" in text
    only: list[dict[str, Any]] = msgspec.json.decode(await oad(plain, "ps", session, "--json"))
    assert {each["session"] for each in only} == {session}
    assert {"init", "session-worker", "holder", "command"} <= {each["kind"] for each in only}
    await oad(plain, "ps", "ses_nobody", status=1)
    await plain.ask("POST", f"/session/{session}/abort")


async def test_logs_of_a_session(plain: Server) -> None:
    session, other = await plain.create(), await plain.create()
    for each in (session, other):
        await plain.prompt(each, "say hello")
    lines = (await oad(plain, "logs", session)).splitlines()
    assert any("turn begins" in line for line in lines)
    assert not any(other in line for line in lines)
    raw = [msgspec.json.decode(line) for line in (await oad(plain, "logs", session, "--json")).splitlines()]
    assert {line["session"] for line in raw} == {session}
    assert await oad(plain, "logs", session, "--level", "error") == ""
    assert await oad(plain, "logs", session, "--since", "0s") == ""
    await oad(plain, "logs", "--since", "yesterday", status=2)
    request = raw[0]["request"]
    assert "turn ended" in await oad(plain, "logs", request, "--since", "1h")


async def test_logs_are_followed(plain: Server) -> None:
    session = await plain.create()
    command = [sys.executable, "-u", "-m", "oad.cli.main", "logs", session, "-f", "--data-dir", str(plain.data)]
    process = await trio.lowlevel.open_process(command, stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        await plain.prompt(session, "say hello")
        seen = b""
        with trio.fail_after(30):
            while b"turn ended" not in seen:
                seen += await process.stdout.receive_some()
    finally:
        process.kill()
        await process.wait()


@needs_tmux
async def test_top_draws_sorts_aborts_and_leaves_the_terminal_as_it_was(plain: Server, terminal: Terminal) -> None:
    session = await run_sleep(plain, "89421", "to be stopped")
    await show_top(terminal, plain)
    screen = await terminal.until("to be stopped", "re:running +\\d", "sessions: ")
    assert max(len(line) for line in screen.splitlines()) <= 80
    await terminal.until(session[-12:])
    await terminal.keys("m")
    await terminal.until("sorted by memory")
    await terminal.keys("x")
    await terminal.until("choose a session first")
    await terminal.keys("s")
    await terminal.until("sorted by state")
    await terminal.keys("Down")  # running ones come first
    await terminal.keys("p")
    await terminal.until("sleep 89421")
    await terminal.keys("x")
    await terminal.until(f"abort {session}? y/n")
    await terminal.keys("n")
    await terminal.until("choose a session first", without="y/n")
    assert alive("89421")
    await terminal.keys("x", "y")
    await terminal.until(f"{session} aborted in")
    assert alive("89421") == []
    await terminal.until("re:idle +\\d", without="sleep 89421")
    await terminal.keys("q")
    await terminal.until("status=0", "sane", without="STATE")


@needs_tmux
@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
async def test_a_signal_leaves_the_terminal_as_it_was(
    plain: Server, terminal: Terminal, number: int, status: int
) -> None:
    await show_top(terminal, plain)
    await terminal.until("sessions: ", "q quit")
    (process,) = [each for each in alive("top") if str(plain.data) in each.info["cmdline"]]
    process.send_signal(number)
    await terminal.until(f"status={status}", "sane")


@needs_tmux
async def test_top_outlives_the_server(make_server: Callable[..., Server], terminal: Terminal) -> None:
    server = make_server()
    await server.start()
    port = server.url.rpartition(":")[2]
    await server.create(title="not live")
    await show_top(terminal, server)
    await terminal.until("sessions: none live  1 stored")
    await server.stop()
    await terminal.until("trying again")
    await server.start("--port", port)
    await terminal.until("sessions: none live  1 stored", "q quit", without="trying again")
    await terminal.keys("q")
    await terminal.until("status=0", "sane")
    await server.stop()
