"""Each kind of process is killed, and frozen: what that costs, and that nothing else notices."""

from pathlib import Path

import pytest

from ..server import until
from .machine import Machine, read_answer, why_not

pytestmark = [pytest.mark.skipif(bool(why_not()), reason=why_not()), pytest.mark.timeout(240)]


@pytest.fixture(autouse=True)
def settings(machine: Machine) -> None:
    machine.configure("")


@pytest.mark.parametrize("name", ["KILL", "STOP"])
async def test_without_the_zygote_sessions_live_and_the_next_one_forks_new_ones(machine: Machine, name: str) -> None:
    session = machine.create()
    machine.shell(session, "true")
    daemon, zygote = machine.pid("oad.service"), machine.pid_of("oad-zygote")
    machine.signal_process(zygote, name)
    assert machine.shell(session, "echo lives") == "lives\n"
    assert machine.shell(machine.create(), "echo born") == "born\n"  # frozen: after ten seconds
    assert machine.pid_of("oad-zygote") != zygote
    assert machine.pid("oad.service") == daemon


@pytest.mark.parametrize("name", ["KILL", "STOP"])
async def test_a_proxy_is_replaced(machine: Machine, name: str) -> None:
    machine.run("systemctl", "start", "oad-proxy.service")
    before = await machine.until_active("oad-proxy.service")
    machine.signal("oad-proxy.service", name)
    await machine.until_active("oad-proxy.service", other_than=before)


@pytest.mark.parametrize("role", ["init", "worker"])
async def test_a_directory_s_worker_is_replaced(machine: Machine, role: str) -> None:
    assert machine.call("GET", "/agent?directory=/srv/project")[0] == 200
    before = machine.pid_of("oad-session /srv/project", role)
    machine.signal_process(before, "KILL")
    await until(lambda: machine.call("GET", "/agent?directory=/srv/project")[0] == 200, "there is another one")
    assert machine.pid_of("oad-session /srv/project", role) != before


@pytest.mark.parametrize("role", ["init", "worker"])
async def test_a_session_s_turn_is_closed_with_its_worker(machine: Machine, role: str, tmp_path: Path) -> None:
    session, other = machine.create(), machine.create()
    machine.shell(other, "true")
    bystander = machine.pid_of(other, "worker")
    turn = machine.begin_shell(session, "sleep 1000", out=tmp_path / "turn")
    await until(lambda: machine.is_busy(session), "the turn runs")
    machine.signal_process(machine.pid_of(session, role), "KILL")
    await until(lambda: turn.poll() is not None, "the turn is answered")
    assert read_answer((tmp_path / "turn").read_text()).body["info"]["error"]["name"] == "UnknownError"
    assert machine.shell(session, "echo again") == "again\n"
    assert machine.pid_of(other, "worker") == bystander
    assert "sleep 1000" not in machine.run("ps", "-e", "-o", "args=")


@pytest.mark.parametrize("role", ["init", "worker"])
async def test_a_frozen_session_can_be_aborted(machine: Machine, role: str, tmp_path: Path) -> None:
    session = machine.create()
    turn = machine.begin_shell(session, "sleep 1000", out=tmp_path / "turn")
    await until(lambda: machine.is_busy(session), "the turn runs")
    machine.signal_process(machine.pid_of(session, role), "STOP")
    assert machine.call("POST", f"/session/{session}/abort") == (200, True)
    await until(lambda: turn.poll() is not None, "the turn is answered")
    assert "sleep 1000" not in machine.run("ps", "-e", "-o", "args=")
    assert machine.shell(session, "echo again") == "again\n"


async def test_frozen_workers_that_nobody_aborts_are_replaced_after_a_minute(machine: Machine, tmp_path: Path) -> None:
    session = machine.create()
    turn = machine.begin_shell(session, "sleep 1000", out=tmp_path / "turn")
    await until(lambda: machine.is_busy(session), "the turn runs")
    assert machine.call("GET", "/agent?directory=/srv/project")[0] == 200
    machine.signal_process(machine.pid_of("oad-session /srv/project", "worker"), "STOP")
    machine.signal_process(machine.pid_of(session, "worker"), "STOP")
    asked = machine.begin("GET", "/agent?directory=/srv/project", out=tmp_path / "asked")
    await until(lambda: turn.poll() is not None, "the turn is answered", timeout_s=100)
    await until(lambda: asked.poll() is not None, "nobody is kept waiting for ever", timeout_s=100)
    assert read_answer((tmp_path / "turn").read_text()).body["info"]["error"]["name"] == "UnknownError"
    await until(lambda: machine.call("GET", "/agent?directory=/srv/project")[0] == 200, "it is replaced", timeout_s=60)
    assert machine.shell(session, "echo again") == "again\n"
