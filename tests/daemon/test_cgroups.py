"""On an ordinary directory, and, where root may make a group, on the real thing (without controllers: the kernel gives
each of them to one hierarchy only, and here that may be another)."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from process_host import await_ends

from oad.contract.limits import SessionLimits
from oad.daemon.cgroups import Delegation, Groups, is_delegated, look_at, own_group, read_flat, settings

MOUNTS = """\
31 24 0:26 / /sys/fs/cgroup ro - tmpfs tmpfs ro
42 31 0:30 / /sys/fs/cgroup/unified rw,nosuid - cgroup2 cgroup2 rw
43 31 0:31 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
"""
ALL = ("memory", "pids", "cpu")


@pytest.fixture
def fake(tmp_path: Path) -> Path:
    """A delegated group as the kernel shows one."""
    root = tmp_path / "oad.service"
    root.mkdir()
    (root / "cgroup.controllers").write_text("cpuset cpu io memory pids\n")
    (root / "cgroup.procs").write_text("")
    (root / "cgroup.subtree_control").write_text("")
    return root


def filled(group: Path) -> None:
    """The files that the kernel makes in a new group."""
    for name in ("memory.max", "memory.swap.max", "pids.max", "cpu.max", "cpu.weight", "cgroup.procs", "cgroup.kill"):
        (group / name).write_text("")


def test_where_this_process_is() -> None:
    assert own_group("4:memory:/x\n0::/system.slice/oad.service\n", MOUNTS) == Path(
        "/sys/fs/cgroup/unified/system.slice/oad.service"
    )
    inside = "42 31 0:30 /docker/abc /sys/fs/cgroup rw - cgroup2 cgroup rw\n"
    assert own_group("0::/docker/abc/sub\n", inside) == Path("/sys/fs/cgroup/sub")
    assert own_group("0::/\n", MOUNTS) == Path("/sys/fs/cgroup/unified")
    assert own_group("4:memory:/x\n", MOUNTS) is None
    assert own_group("0::/x\n", "31 24 0:26 / /sys/fs/cgroup ro - tmpfs tmpfs ro\n") is None


def test_what_merely_could_be_written_to_is_not_ours(fake: Path) -> None:
    if os.geteuid() == 0:
        assert not is_delegated(fake)


def test_what_is_offered(fake: Path) -> None:
    assert look_at(fake) == Delegation(fake, ("memory", "pids", "cpu"))
    (fake / "cgroup.controllers").write_text("hugetlb\n")
    assert look_at(fake) == Delegation(fake, ())
    assert look_at(fake / "none") is None


def test_the_service_makes_room_for_its_sessions(fake: Path) -> None:
    (fake / "oad-service").mkdir()
    filled(fake / "oad-service")
    (fake / "cgroup.procs").write_text("17\n")
    Groups(Delegation(fake, ALL)).prepare()
    assert (fake / "oad-service/cgroup.procs").read_text() == "17"
    assert (fake / "cgroup.subtree_control").read_text() == "+memory +pids +cpu"
    assert (fake / "oad-service/cpu.weight").read_text() == "1000"


def test_limits_as_the_kernel_reads_them(fake: Path) -> None:
    (fake / "ses_a").mkdir()
    filled(fake / "ses_a")
    group = Groups(Delegation(fake, ALL)).open("ses_a")
    group.limit(SessionLimits(memory_mb=256, processes=64, cpu=0.5))
    assert (fake / "ses_a/memory.max").read_text() == str(256 * 1024 * 1024)
    assert (fake / "ses_a/cpu.max").read_text() == "50000 100000"
    group.add(12)
    group.kill()
    assert (fake / "ses_a/cgroup.procs").read_text() == "12"
    assert (fake / "ses_a/cgroup.kill").read_text() == "1"


def test_no_limit_lifts_an_earlier_one_and_nothing_is_written_without_its_controller() -> None:
    assert settings(SessionLimits(), ALL) == {
        "memory.max": "max",
        "memory.swap.max": "max",
        "pids.max": "max",
        "cpu.max": "max 100000",
    }
    assert settings(SessionLimits(memory_mb=1), ("pids",)) == {"pids.max": "max"}


def test_what_the_kernel_stopped_is_told_once(fake: Path) -> None:
    session = fake / "ses_a"
    session.mkdir()
    (session / "memory.events").write_text("low 0\noom 3\noom_kill 3\n")
    group = Groups(Delegation(fake, ALL)).open("ses_a")
    limits = SessionLimits(memory_mb=100, processes=5)
    assert group.hits(limits) == []  # of an earlier worker
    (session / "memory.events").write_text("low 0\noom 4\noom_kill 4\n")
    (session / "memory.peak").write_text(str(101 * 1024 * 1024))
    (session / "pids.events").write_text("max 2\n")
    assert [(hit.limit, hit.value, hit.peak) for hit in group.hits(limits)] == [
        ("memoryMb", 100, 101),
        ("processes", 5, 5),
    ]
    assert group.hits(limits) == []
    assert read_flat(session / "none") == {}


@pytest.fixture
def real() -> Iterator[Path]:
    group = own_group(Path("/proc/self/cgroup").read_text(), Path("/proc/self/mountinfo").read_text())
    if os.geteuid() or group is None or not os.access(group, os.W_OK):
        pytest.skip("no group can be made here")
    root = group / f"oad-test-{os.getpid()}"
    root.mkdir()
    yield root
    for left in sorted(root.rglob("*"), reverse=True):
        if left.is_dir():
            left.rmdir()
    root.rmdir()


def test_a_real_group_is_killed_with_all_that_its_member_started(real: Path) -> None:
    groups = Groups(Delegation(real, ()))
    groups.prepare()
    group = groups.open("ses_a")
    if not (real / "ses_a/cgroup.kill").exists():
        pytest.skip("cgroup.kill came with Linux 5.14")
    shell = subprocess.Popen(["sh", "-c", "read go; setsid sleep 60 & setsid sleep 60 & wait"], stdin=subprocess.PIPE)
    group.add(shell.pid)
    assert shell.stdin is not None
    shell.stdin.write(b"go\n")
    shell.stdin.close()
    while len(members := [int(pid) for pid in (real / "ses_a/cgroup.procs").read_text().split()]) < 3:
        assert shell.poll() is None
    group.kill()
    assert shell.wait(5) == -9
    assert await_ends([pid for pid in members if pid != shell.pid]) == []
    while not group.empty():
        pass
    group.remove()
    assert not (real / "ses_a").exists()
