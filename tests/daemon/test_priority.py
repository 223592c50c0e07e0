"""Who stands back for whom: what commands of real sessions run at, and which groups are made lighter."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from process_host import Host, Session

from oad.contract.policy import Priority
from oad.daemon.priority import Autogroups, is_autogrouping, of_worker
from oad.daemon.procs import Process

SHOW = "import os; print(os.sched_getscheduler(0), os.getpriority(os.PRIO_PROCESS, 0))"


@pytest.mark.parametrize("priority", ["normal", "polite", "low", "idle"])
def test_commands_run_at_it_and_the_worker_does_not(
    any_host: Host, open_session: Callable[..., Session], priority: Priority
) -> None:
    session = open_session(any_host, priority=priority)
    policy, nice = map(int, session.run("python3", "-S", "-c", SHOW)["out"].split())
    mine = os.getpriority(os.PRIO_PROCESS, 0)
    assert policy == {"idle": os.SCHED_IDLE, "low": os.SCHED_BATCH}.get(priority, os.SCHED_OTHER)
    assert nice == max({"low": 10, "polite": 5}.get(priority, 0), mine)
    of_worker = Path(f"/proc/{session.info['worker']}/stat").read_text().rpartition(")")[2].split()
    assert (int(of_worker[16]), int(of_worker[38])) == (mine, os.SCHED_OTHER)


def test_people_do_not_wait_as_commands_do() -> None:
    assert [of_worker(kind, "idle") for kind in ("session", "project", "pty")] == ["idle", "polite", "polite"]
    assert [of_worker(kind, "normal") for kind in ("session", "project", "pty")] == ["normal"] * 3
    assert [of_worker(kind, "low") for kind in ("session", "project", "pty")] == ["low", "polite", "polite"]


def test_whether_the_kernel_groups_by_terminal_session(tmp_path: Path) -> None:
    switch = tmp_path / "switch"
    assert not is_autogrouping(switch)
    for text, expected in (("0\n", False), ("1\n", True)):
        switch.write_text(text)
        assert is_autogrouping(switch) is expected


def test_each_group_is_made_lighter_once(tmp_path: Path) -> None:
    group = tmp_path / "7/autogroup"
    group.parent.mkdir()
    leader = Process(7, 100)
    groups = Autogroups(enabled=True, proc=tmp_path)
    groups.lower([leader], "normal")
    assert not group.exists()
    groups.lower([leader], "polite")
    assert group.read_text() == "5"
    group.write_text("")
    groups.lower([leader], "polite")
    assert group.read_text() == ""
    groups.forget([])
    groups.lower([Process(7, 200)], "idle")  # another process with its number
    assert group.read_text() == "19"


def test_what_is_refused_is_tried_again(tmp_path: Path) -> None:
    groups = Autogroups(enabled=True, proc=tmp_path)
    groups.lower([Process(7, 100)], "idle")
    (tmp_path / "7").mkdir()
    groups.lower([Process(7, 100)], "idle")
    assert (tmp_path / "7/autogroup").read_text() == "19"


def test_without_grouping_nothing_is_written(tmp_path: Path) -> None:
    (tmp_path / "7").mkdir()
    Autogroups(enabled=False, proc=tmp_path).lower([Process(7, 100)], "idle")
    assert not (tmp_path / "7/autogroup").exists()
