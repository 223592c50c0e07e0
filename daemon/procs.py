"""The kernel's process interface, as thin as it can be: prctl, namespaces, mounts, and reading ``/proc``.

Besides ``workers/sandbox`` this is the only place with ctypes in it. Every function raises OSError with the errno of
the call. Nothing here keeps state, and nothing here needs a thread or an event loop: session inits and call holders
use it too, and they must stay small.
"""

import ctypes
import errno
import fcntl
import os
import resource
import signal
import socket
import struct
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_NO_NEW_PRIVS = 38
PR_SET_CHILD_SUBREAPER = 36

CLONE_NEWNS = 0x0002_0000
CLONE_NEWUSER = 0x1000_0000
CLONE_NEWPID = 0x2000_0000
CLONE_NEWNET = 0x4000_0000

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
MS_REMOUNT, MS_BIND, MS_REC, MS_RELATIME = 0x20, 0x1000, 0x4000, 0x20_0000
MS_REC_PRIVATE = 0x4000 | 0x4_0000

_SIGINFO_BYTES = 128
_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 22, 2
_PR_CAPBSET_DROP, _CAPABILITY_VERSION_3 = 24, 0x2008_0522

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


class Process(NamedTuple):
    """A process that cannot be mistaken for a later one with its number: ``start`` is in clock ticks since boot."""

    pid: int
    start: int


class Stat(NamedTuple):
    state: str
    parent: int
    start: int


def _check(result: int, what: str) -> None:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)


def prctl(option: int, value: int) -> None:
    _check(_libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0), "prctl")


def become_subreaper() -> None:
    """Every orphan below this process becomes its child instead of PID 1's."""
    prctl(PR_SET_CHILD_SUBREAPER, 1)


def die_with_parent(signal: int) -> None:
    """``signal`` arrives when the parent *thread* ends, so only children of single-threaded processes, or of a main
    thread that lives as long as its process, may use this. It does not see a parent that is gone already."""
    prctl(PR_SET_PDEATHSIG, signal)


def hide_memory() -> None:
    """Keeps other processes of the same user from reading this one's memory and environment (root still can)."""
    prctl(PR_SET_DUMPABLE, 0)


def shield_memory() -> None:
    """As ``hide_memory``, and no core dump holds it either. For processes that know secrets."""
    # Both, because a core pattern that is a pipe pays no heed to the limit.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    hide_memory()


def unshare(flags: int) -> None:
    _check(_libc.unshare(ctypes.c_int(flags)), "unshare")


def mount(source: str, target: str, kind: str | None, flags: int, options: str = "") -> None:
    filesystem = kind.encode() if kind else None
    data = options.encode() or None
    result = _libc.mount(os.fsencode(source), os.fsencode(target), filesystem, ctypes.c_ulong(flags), data)
    _check(result, f"mount {target}")


def enter_pid_namespace() -> None:
    """The next child will be PID 1 of a namespace of its own, with private mounts. Unprivileged users need a user
    namespace for that; they stay who they are in it."""
    user, group = os.geteuid(), os.getegid()
    if user == 0:
        unshare(CLONE_NEWPID | CLONE_NEWNS)
        return
    unshare(CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS)
    # The files of a process whose memory is hidden belong to root, the maps too.
    prctl(PR_SET_DUMPABLE, 1)
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
    Path("/proc/self/gid_map").write_text(f"{group} {group} 1")


def enter_network(namespace: int) -> None:
    """Moves the calling thread into the network namespace behind a descriptor."""
    _check(_libc.setns(ctypes.c_int(namespace), ctypes.c_int(CLONE_NEWNET)), "setns")


def raise_loopback() -> None:
    """Loopback of a new network namespace is down at first."""
    get_flags, set_flags, up = 0x8913, 0x8914, 1
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        request = bytearray(struct.pack("16sH14x", b"lo", 0))
        fcntl.ioctl(sock, get_flags, request)
        (flags,) = struct.unpack_from("H", request, 16)
        fcntl.ioctl(sock, set_flags, struct.pack("16sH14x", b"lo", flags | up))


def mount_private_proc() -> None:
    """Shows the processes of the own PID namespace only; the mount does not spread to the host."""
    mount("none", "/", None, MS_REC_PRIVATE)
    mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)


def read(path: str) -> bytes:
    """Empty when it is not there (any more), or not to be read. The plainest calls: this runs some thousand times a
    second on a busy host."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        text = piece = os.read(fd, 4096)
        while len(piece) > 2048:  # a list ends at a whole number, somewhat before the buffer does
            piece = os.read(fd, 65536)
            text += piece
        return text
    except OSError:
        return b""
    finally:
        os.close(fd)


def read_stat(pid: int) -> Stat | None:
    """None when there is no such process."""
    # The command name, in parentheses, may itself hold spaces and parentheses.
    fields = read(f"/proc/{pid}/stat").rpartition(b")")[2].split()
    return Stat(fields[0].decode(), int(fields[1]), int(fields[19])) if len(fields) > 19 else None


def identify(pid: int) -> Process | None:
    stat = read_stat(pid)
    return Process(pid, stat.start) if stat else None


def children(pid: int) -> list[int]:
    """Direct children, zombies included; of all threads, for a child belongs to the thread that forked it."""
    try:
        threads = os.listdir(f"/proc/{pid}/task")  # noqa: PTH208  as in ``read``
    except OSError:
        return []  # it has ended
    return [int(child) for thread in threads for child in read(f"/proc/{pid}/task/{thread}/children").split()]


def descendants(pid: int) -> list[int]:
    """Everything below ``pid``, parents before their children. Not a snapshot: whoever forks meanwhile is missed."""
    found: list[int] = []
    todo = [pid]
    while todo:
        below = children(todo.pop())
        found += below
        todo += below
    return found


def open_signalfd(signals: Iterable[signal.Signals]) -> int:
    """Blocks the signals and makes their arrival readable. Without it a single-threaded loop has a gap between
    looking at its flags and going to sleep."""
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    mask = sum(1 << (signum - 1) for signum in signals)
    fd = int(_libc.signalfd(-1, ctypes.byref(ctypes.c_uint64(mask)), os.O_CLOEXEC | os.O_NONBLOCK))
    _check(fd, "signalfd")
    return fd


def read_signalfd(fd: int) -> list[int]:
    """The signals that have arrived, each kind at most once."""
    try:
        data = os.read(fd, 64 * _SIGINFO_BYTES)
    except BlockingIOError:
        return []
    return [int.from_bytes(data[at : at + 4], sys.byteorder) for at in range(0, len(data), _SIGINFO_BYTES)]


def close_all_but(keep: Iterable[int]) -> None:
    """Closes every descriptor above the standard streams but those in ``keep``."""
    lowest = 3
    for fd in sorted(set(keep) - {0, 1, 2}):
        os.closerange(lowest, fd)
        lowest = fd + 1
    os.closerange(lowest, os.sysconf("SC_OPEN_MAX"))


def thread_count() -> int:
    return sum(1 for _ in Path("/proc/self/task").iterdir())


def pid_of(pidfd: int) -> int:
    """The process number behind a pidfd as this process's ``/proc`` shows it; -1 when it has been reaped."""
    for line in Path(f"/proc/self/fdinfo/{pidfd}").read_text().splitlines():
        if line.startswith("Pid:"):
            return int(line.split()[1])
    raise OSError(f"{pidfd} is not a pidfd")


def landlock_abi() -> int:
    """0 when there is none."""
    create_ruleset, version_only = 444, 1
    return max(0, int(_libc.syscall(create_ruleset, None, ctypes.c_size_t(0), version_only)))


def refuse_uname_and_look() -> None:
    """Proves that a seccomp filter holds, in a process that is of no further use. Raises OSError when it does not."""
    number = {"x86_64": 63, "aarch64": 160}.get(os.uname().machine)
    if number is None:
        raise OSError(f"seccomp filters are not known for {os.uname().machine}")
    load, equal, answer = 0x20, 0x15, 0x06
    steps = (
        (load, 0, 0, 0),
        (equal, 0, 1, number),
        (answer, 0, 0, 0x5_0000 | errno.EPERM),
        (answer, 0, 0, 0x7FFF_0000),
    )
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    install_filter(b"".join(struct.pack("HBBI", *step) for step in steps))
    try:
        os.uname()
    except PermissionError:
        return
    raise OSError("a filter was installed, and does not filter")


def install_filter(program: bytes) -> None:
    """A seccomp filter, for the calling thread and all its children. No new privileges must have been given up."""
    code = ctypes.create_string_buffer(program, len(program))
    head = struct.pack("HxxxxxxQ", len(program) // 8, ctypes.addressof(code))
    _check(_libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.c_char_p(head), 0, 0), "install a filter")


def drop_capabilities() -> None:
    """All of them, and with them what ``execve`` as root would bring back."""
    for capability in range(64):
        if _libc.prctl(_PR_CAPBSET_DROP, ctypes.c_ulong(capability), 0, 0, 0) < 0:
            break  # the kernel has no more, or we had no right to drop them and so none to lose
    header, none = struct.pack("=Ii", _CAPABILITY_VERSION_3, 0), bytes(24)
    _check(_libc.capset(ctypes.c_char_p(header), ctypes.c_char_p(none)), "capset")


def blank_environment(names: Iterable[str]) -> None:
    """Wipes the values of variables from this process's first environment, which ``/proc/PID/environ`` goes on showing
    to the user's other processes, and to those of every fork, after the variables are unset. Unset them first."""
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    start, end = int(fields[47]), int(fields[48])
    if not start:
        return  # the kernel does not say where it is to a process whose memory is hidden, and does not show it either
    area = b"\0" + ctypes.string_at(start, end - start)
    for name in names:
        at = area.find(b"\0%b=" % name.encode())
        if at >= 0:
            length = area.find(b"\0", at + 1) - at - 1
            ctypes.memset(start + at, 0, max(length, 0))
