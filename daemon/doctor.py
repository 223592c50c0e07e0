"""What this host can enforce, found out by doing it in a child process that is thrown away.

Settings under ``/proc/sys`` do not tell: containers, AppArmor and seccomp refuse what the kernel would allow. All of
this forks, so it is for processes with a single thread.
"""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import msgspec

from oad.contract.worker import Level

from . import procs

_REMEDY_USERNS = (
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


def probe_pid_namespace() -> Probe:
    name = "pid namespace with private /proc"
    failure = attempt(_enter_and_look)
    return Probe(name, True) if not failure else Probe(name, False, step=failure, remedy=_REMEDY_USERNS)


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
