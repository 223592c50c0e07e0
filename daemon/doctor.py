"""What this host can enforce, found out by doing it in a child process that is thrown away.

Settings under ``/proc/sys`` do not tell: containers, AppArmor and seccomp refuse what the kernel would allow. All of
this forks, so it is for processes with a single thread.
"""

import os
import select
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import msgspec

from oad.contract.worker import Level

from . import procs

REMEDY_USERNS = (
    "run as root, or allow unprivileged user namespaces "
    "(kernel.apparmor_restrict_unprivileged_userns, kernel.unprivileged_userns_clone, the container's seccomp profile)"
)


class Probe(msgspec.Struct, frozen=True):
    """``step`` is what failed and how, ``remedy`` what to do about it; both empty when ``ok``."""

    name: str
    ok: bool
    detail: str = ""
    step: str = ""
    remedy: str = ""


def find_level() -> tuple[Level, str]:
    """The strongest way to hold a session together here; and if that is the weaker one, why."""
    probe = probe_pid_namespace()
    return ("pidns", "") if probe.ok else ("subreaper", probe.step)


def examine_host() -> list[Probe]:
    """All probes, some 50 ms in total."""
    return [probe_pid_namespace(), probe_landlock(), probe_seccomp(), probe_cgroup_kill(), probe_bwrap()]


def probe_pid_namespace() -> Probe:
    name = "pid namespace with private /proc"
    failure = attempt(_enter_and_look)
    return Probe(name, True) if not failure else Probe(name, False, step=failure, remedy=REMEDY_USERNS)


def attempt(act: Callable[[], None]) -> str:
    """Runs ``act`` in a forked child. The text of what it raised, empty when it returned."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            act()
        except BaseException as error:  # noqa: BLE001  it ends here, and its text is the result
            os.write(writer, f"{error}"[:4000].encode(errors="replace") or b"failed")
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as file:
        text = file.read().decode(errors="replace")
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return text or (f"died of {signal.Signals(-status).name}" if status < 0 else "")


def _enter_and_look() -> None:
    procs.enter_pid_namespace()
    pid = os.fork()
    if pid == 0:
        _look_as_init()
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if status:
        raise OSError(status, os.strerror(status), "mount a private /proc")


def _look_as_init() -> None:
    status = 1
    try:
        procs.mount_private_proc()
        status = 0 if os.getpid() == 1 and procs.children(1) == [] and Path("/proc/1/stat").exists() else 1
    except OSError as error:
        status = error.errno or 1
    finally:
        os._exit(status)


def probe_landlock() -> Probe:
    name = "landlock"
    abi = procs.landlock_abi()
    if abi < 1:
        return Probe(name, False, step="no Landlock in this kernel", remedy="Linux 5.13 or later with lsm=landlock")
    return Probe(name, True, f"ABI {abi}" + ("" if abi >= 3 else "; without control of truncate"))


def probe_seccomp() -> Probe:
    name = "seccomp filter"
    failure = attempt(procs.refuse_uname_and_look)
    if failure:
        return Probe(name, False, step=failure, remedy="a kernel with CONFIG_SECCOMP_FILTER, x86-64 or arm64")
    return Probe(name, True)


def probe_cgroup_kill() -> Probe:
    name = "cgroup.kill"
    group = _own_cgroup()
    if group is None:
        return Probe(name, False, step="no cgroup v2 mount", remedy="mount cgroup2")
    failure = attempt(lambda: _kill_by_cgroup(group))
    if failure:
        return Probe(
            name, False, step=failure, remedy="run as a systemd service with Delegate=yes, Linux 5.14 or later"
        )
    return Probe(name, True, str(group))


def _own_cgroup() -> Path | None:
    mounts = (line.split() for line in Path("/proc/mounts").read_text().splitlines())
    root = next((fields[1] for fields in mounts if fields[2] == "cgroup2"), None)
    lines = Path("/proc/self/cgroup").read_text().splitlines()
    path = next((line[3:] for line in lines if line.startswith("0::")), None)
    return Path(root) / path.lstrip("/") if root and path else None


def _kill_by_cgroup(parent: Path) -> None:
    group = parent / f"oad-doctor-{os.getpid()}"
    group.mkdir()
    pid = 0
    try:
        pid = _sleep_in_child()
        (group / "cgroup.procs").write_text(str(pid))
        (group / "cgroup.kill").write_text("1")
        if not _ends(pid):
            raise TimeoutError("a process survived cgroup.kill")
    finally:
        if pid:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        group.rmdir()


def _sleep_in_child() -> int:
    pid = os.fork()
    if pid == 0:
        signal.pause()
        os._exit(0)
    return pid


def _ends(pid: int) -> bool:
    """Within a second; not reaped by this."""
    pidfd = os.pidfd_open(pid)
    try:
        return bool(select.select([pidfd], [], [], 1.0)[0])
    finally:
        os.close(pidfd)


def probe_bwrap() -> Probe:
    name = "bwrap"
    program = shutil.which("bwrap")
    if program is None:
        return Probe(name, False, step="not found", remedy="install bubblewrap")
    options = ["--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--unshare-all", "--die-with-parent"]
    try:
        done = subprocess.run([program, *options, "true"], capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return Probe(name, False, step=str(error), remedy="reinstall bubblewrap")
    if done.returncode:
        return Probe(name, False, step=done.stderr.strip()[-500:], remedy=REMEDY_USERNS)
    return Probe(name, True, program)
