"""A stop that lets turns end, and one that does not: who is refused meanwhile, and what is left."""

import time
from pathlib import Path

import pytest

from ..server import until
from .machine import GATEWAY, Machine, output_of, read_answer, why_not

pytestmark = [pytest.mark.skipif(bool(why_not()), reason=why_not()), pytest.mark.timeout(240)]
STOPPED = ("systemctl", "stop", "oad.target", "oad.service")


async def let_drain(machine: Machine, seconds: float) -> None:
    machine.configure(f"[server]\ndrain_s = {seconds}\n")
    machine.run("systemctl", "restart", "oad.service")
    await machine.until_active("oad.service")


async def test_a_running_turn_may_end_and_nothing_new_begins(machine: Machine, tmp_path: Path) -> None:
    await let_drain(machine, 60)
    session, other = machine.create(), machine.create()
    turn = machine.begin_shell(session, "sleep 9; echo finished", out=tmp_path / "turn")  # TimeoutStopSec= is 5
    await until(lambda: machine.is_busy(session), "the turn runs")
    machine.run("systemctl", "stop", "--no-block", "oad.target", "oad.service")
    await until(lambda: "draining: 1 turn" in machine.property("oad.service", "StatusText"), "it says that it drains")
    refused = machine.ask("POST", f"/session/{other}/shell", {"agent": "build", "command": "true"})
    assert (refused.status, refused.retry_after) == (503, "11")
    assert "stopping" in str(refused.body)
    assert machine.call("GET", "/readyz")[0] == 503
    assert machine.call("GET", f"/session/{session}")[0] == 200
    await until(lambda: turn.poll() is not None, "the turn is answered")
    answer = read_answer((tmp_path / "turn").read_text())
    assert (answer.status, output_of(answer.body)) == (200, "finished\n")
    await until(lambda: machine.processes() == {}, "nothing is left")
    assert machine.property("oad.service", "Result") == "success"
    assert machine.property("oad.service", "ActiveState") == "inactive"
    assert machine.members("oad.slice") == []
    machine.run("systemctl", "start", "oad.target")
    assert "error" not in machine.call("GET", f"/session/{session}/message")[1][-1]["info"]


async def test_what_does_not_end_in_time_is_closed_as_interrupted(machine: Machine, tmp_path: Path) -> None:
    await let_drain(machine, 1)
    session = machine.create()
    turn = machine.begin_shell(session, "(setsid sleep 2000 &); sleep 1000", out=tmp_path / "turn")
    await until(lambda: machine.is_busy(session), "the turn runs")
    began = time.monotonic()
    machine.run(*STOPPED)
    assert time.monotonic() - began < 30
    assert machine.members("oad.service") == []
    await until(lambda: machine.members("oad.slice") == [], "gateway and proxy have ended too")
    assert "sleep" not in machine.run("ps", "-e", "-o", "args=")
    await until(lambda: turn.poll() is not None, "whoever waited for it was answered")
    machine.run("systemctl", "start", "oad.target")
    assert not machine.is_busy(session)
    (message,) = [m for m in machine.call("GET", f"/session/{session}/message")[1] if m["info"]["role"] == "assistant"]
    assert "completed" in message["info"]["time"]
    assert message["parts"][0]["state"]["status"] in ("completed", "error")
    assert machine.shell(session, "echo again") == "again\n"


@pytest.mark.parametrize("how", ["restart", "kill"])
async def test_open_streams_hear_the_truth_about_interrupted_turns(machine: Machine, tmp_path: Path, how: str) -> None:
    await let_drain(machine, 0)
    session, events = machine.create(), tmp_path / "events"
    listener = machine.start("python3", "/guest.py", "listen", "/event?directory=/srv/project", out=events)
    try:
        await until(lambda: "server.connected" in events.read_text(), "the stream is open")
        gateway, daemon = machine.pid(GATEWAY), machine.pid("oad.service")
        turn = machine.begin_shell(session, "sleep 1000", out=tmp_path / "turn")
        await until(lambda: machine.is_busy(session), "the turn runs")
        idle = events.read_text().count("session.idle")
        if how == "restart":
            machine.run("systemctl", "restart", "oad.service")
        else:
            machine.signal("oad.service", "KILL")
        await machine.until_active("oad.service", other_than=daemon)
        await until(lambda: turn.poll() is not None, "whoever waited for it was answered")
        await until(lambda: events.read_text().count("session.idle") > idle, "the stream says that the turn is over")
        assert not machine.is_busy(session)
        assert machine.shell(session, "echo again") == "again\n"
        assert listener.poll() is None
        assert machine.pid(GATEWAY) == gateway
        assert "sleep 1000" not in machine.run("ps", "-e", "-o", "args=")
    finally:
        listener.kill()
        listener.wait()
