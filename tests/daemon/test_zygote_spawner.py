"""Sessions as real processes: how they are born, end, and what they leave behind, which is nothing."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from process_host import ZOO, Host, Marker, Session, await_ends

Open = Callable[[Host], Session]


def start_escapee(session: Session, marker: Marker) -> None:
    id = session.start("bash", "-c", (ZOO / "double_fork.sh").read_text(), "zoo", marker.text)
    session.expect("out", id=id)
    assert marker.await_count(2) == 2


@pytest.mark.parametrize(("kind", "status"), [("exit:0", 0), ("exit:7", 7), (f"die:{int(signal.SIGTERM)}", 128 + 15)])
def test_the_worker_s_status_is_the_child_s(any_host: Host, kind: str, status: int) -> None:
    child = any_host("spawn", kind)
    assert any_host("wait", child["id"])["status"] == status
    assert child["init"] not in any_host("children_of_host")


def test_an_entry_that_fails_ends_the_session(host: Host) -> None:
    child = host("spawn", "exit:not a number")
    assert host("wait", child["id"])["status"] == 70
    assert "ValueError" in host.errors()


def test_init_and_worker_are_alone_in_their_namespace(host: Host, open_session: Open) -> None:
    if host("ready")["level"] != "pidns":
        pytest.skip("no PID namespaces here")
    session = open_session(host)
    session.send("look")
    assert session.expect("seen")["pids"] == [1, 2]
    session.start("sleep", "600")
    other = open_session(host)
    other.send("look")
    assert other.expect("seen")["pids"] == [1, 2]


def test_titles_tell_what_a_process_is(host: Host, open_session: Open) -> None:
    session = open_session(host)
    title = {role: Path(f"/proc/{session.info[role]}/cmdline").read_text().strip("\0 ") for role in ("init", "worker")}
    assert title == {"init": "oad-session ses_0 init", "worker": "oad-session ses_0 worker"}
    assert b"PATH=" not in Path(f"/proc/{session.info['worker']}/environ").read_bytes()


def test_a_signal_reaches_the_worker(any_host: Host, open_session: Open) -> None:
    session = open_session(any_host)
    assert any_host("signal", session.info["id"], signal.SIGUSR1)
    assert session.expect("signal")["number"] == signal.SIGUSR1


def test_a_signal_before_the_worker_listens_does_no_harm(host: Host) -> None:
    child = host("spawn", "stuck")
    assert host("signal", child["id"], signal.SIGUSR1)
    assert Path(f"/proc/{child['worker']}").exists()
    host("kill", child["id"])
    assert host("wait", child["id"])["status"] == -signal.SIGKILL
    assert not host("signal", child["id"], signal.SIGUSR1)


def test_a_stopped_session_can_be_killed(any_host: Host, open_session: Open, marker: Marker) -> None:
    session = open_session(any_host)
    start_escapee(session, marker)
    any_host("signal", session.info["id"], signal.SIGSTOP)
    any_host("kill", session.info["id"])
    assert any_host("wait", session.info["id"])["status"] == -signal.SIGKILL
    assert marker.count() == 0
    assert session.info["init"] not in any_host("children_of_host")


def test_nothing_outlives_the_worker(any_host: Host, open_session: Open, marker: Marker) -> None:
    session = open_session(any_host)
    start_escapee(session, marker)
    session.close()
    assert any_host("wait", session.info["id"])["status"] == 0
    assert marker.count() == 0


@pytest.mark.parametrize("role", ["init", "worker"])
def test_nothing_outlives_a_process_that_is_killed_from_outside(
    any_host: Host, open_session: Open, marker: Marker, role: str
) -> None:
    session = open_session(any_host)
    start_escapee(session, marker)
    os.kill(session.info[role], signal.SIGKILL)
    status = any_host("wait", session.info["id"])["status"]
    assert status == (-signal.SIGKILL if role == "init" else 128 + signal.SIGKILL)
    assert marker.await_none() == 0
    assert len(any_host("children_of_host")) == 1  # the zygote


def test_nothing_outlives_the_daemon(any_host: Host, open_session: Open, marker: Marker) -> None:
    sessions = [open_session(any_host) for _ in range(3)]
    for session in sessions:
        id = session.start("bash", "-c", (ZOO / "deaf.sh").read_text(), "zoo", marker.text)
        session.expect("out", id=id)
    assert marker.await_count(9) >= 9
    processes = any_host("children_of_host") + [session.info["worker"] for session in sessions]
    any_host.process.kill()
    assert marker.await_none() == 0
    any_host.process.wait()
    assert await_ends(processes) == []


def test_sessions_survive_the_zygote_and_new_ones_can_be_born(host: Host, open_session: Open) -> None:
    before = open_session(host)
    (old,) = set(host("children_of_host")) - {before.info["init"]}
    os.kill(old, signal.SIGKILL)
    after = open_session(host)
    assert before.run("echo", "alive")["out"] == "alive\n"
    assert after.run("echo", "born")["out"] == "born\n"
    children = set(host("children_of_host"))
    assert old not in children
    assert len(children) == 3


def test_a_frozen_zygote_is_replaced(host: Host, open_session: Open) -> None:
    before = open_session(host)
    (old,) = set(host("children_of_host")) - {before.info["init"]}
    os.kill(old, signal.SIGSTOP)
    host("be_patient", 0.2)
    host("spawn", "exit:0")  # has it replaced; with so little patience the next one may be too slow as well
    host("be_patient", 10.0)
    assert open_session(host).run("echo", "born")["out"] == "born\n"
    assert before.run("echo", "alive")["out"] == "alive\n"
    assert old not in host("children_of_host")


def test_a_zygote_learns_modules_and_its_successor_knows_them(host: Host) -> None:
    assert host("preload", "no_such_module").startswith("ModuleNotFoundError")
    assert host("preload", "colorsys") == ""
    host("recycle")
    assert host("wait", host("spawn", "exit:3")["id"])["status"] == 3
    assert host("ready")["missing"] == {}


def test_a_sweep_spares_sessions(any_host: Host, open_session: Open) -> None:
    session = open_session(any_host)
    assert any_host("sweep") == 0
    assert session.run("echo", "alive")["out"] == "alive\n"
