"""The filter of system calls that a sandboxed command runs under: a classic BPF program, assembled by hand.

A refused call fails with EPERM, so that programs can go on without it. Calls which are newer than the tables, or whose
argument lies in memory that a filter can't read (clone3, openat2), fail with ENOSYS: libraries then use the older
ones, whose arguments can be checked. The kernel remembers which calls are always allowed, so most cost nothing.
"""

import errno
import struct
from collections.abc import Iterable, Sequence
from typing import Final, Literal, NamedTuple

from .syscall_numbers import CHANGES, KERNEL, MACHINE, MOUNTS, NAMESPACES, NEWEST, OTHER_PROCESSES, Machine, number_of

# "full" keeps only what guards the session's own boundaries, "reader" leaves what reading takes.
Strength = Literal["reader", "sandbox", "full"]

ARCHITECTURES: Final[dict[Machine, int]] = {"x86_64": 0xC000_003E, "aarch64": 0xC000_00B7}
X32_BIT: Final = 0x4000_0000

ALLOW, KILL, _ERRNO = 0x7FFF_0000, 0x8000_0000, 0x0005_0000
EPERM, ENOSYS, EAFNOSUPPORT = (_ERRNO | code for code in (errno.EPERM, errno.ENOSYS, errno.EAFNOSUPPORT))

LOAD, EQUAL, GREATER, AT_LEAST, ANY_BIT, AND, RETURN = 0x20, 0x15, 0x25, 0x35, 0x45, 0x54, 0x06
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16  # offsets in struct seccomp_data

_NEW_NAMESPACES: Final = 0x7E02_0000  # mount, cgroup, UTS, IPC, user, PID, network
_SET_ID: Final = 0o6000
_CREATES: Final = 0o100 | 0o20000000  # O_CREAT, O_TMPFILE: only then is there a mode
_TRUNCATES: Final = 0o1000  # O_TRUNC
_FILE_TYPE, _CHARACTER, _BLOCK = 0o170000, 0o020000, 0o060000
_TERMINAL_INPUT: Final = (0x5412, 0x541C)  # TIOCSTI, TIOCLINUX: typing in another's terminal
_UNIX, _INET, _INET6, _NETLINK = 1, 2, 10, 16
_RAW, _PACKET, _TYPE = 3, 10, 0xF
_NETLINK_ROUTE: Final = 0


class Step(NamedTuple):
    """``yes`` and ``no`` are how many steps to skip."""

    code: int
    value: int
    yes: int = 0
    no: int = 0


class UnknownMachine(Exception):
    """There is no table for this processor, so nothing can be filtered."""


def make_filter(machine: str, strength: Strength, *, inet: bool = True) -> bytes:
    """For ``bwrap --seccomp`` or prctl. ``inet`` False also refuses internet sockets. Raises UnknownMachine."""
    return b"".join(struct.pack("HBBI", s.code, s.yes, s.no, s.value) for s in make_steps(machine, strength, inet=inet))


def make_steps(machine: str, strength: Strength, *, inet: bool = True) -> list[Step]:
    known: Machine | None = next((each for each in ARCHITECTURES if each == machine), None)
    if known is None:
        raise UnknownMachine(f"system calls of {machine} are not known, only those of x86_64 and aarch64")
    rules = list(_refusals(known, strength)) + list(_checks(known, strength, inet=inet))
    return [*_head(known), *(step for rule in rules for step in rule), Step(RETURN, ALLOW)]


def _head(machine: Machine) -> list[Step]:
    """Numbers mean other calls under another architecture; x32 has a second set of numbers under the same one."""
    steps = [
        Step(LOAD, _ARCHITECTURE),
        Step(EQUAL, ARCHITECTURES[machine], yes=1),
        Step(RETURN, KILL),
        Step(LOAD, _NUMBER),
    ]
    if machine == "x86_64":
        steps += [Step(AT_LEAST, X32_BIT, no=1), Step(RETURN, EPERM)]
    return [*steps, Step(GREATER, NEWEST, no=1), Step(RETURN, ENOSYS)]


def _refusals(machine: Machine, strength: Strength) -> Iterable[list[Step]]:
    names = [*MOUNTS, *NAMESPACES, *KERNEL]
    if strength != "full":
        names += [*OTHER_PROCESSES, *MACHINE]
    if strength == "reader":
        names += [*CHANGES, "chmod", "fchmod", "fchmodat", "fchmodat2", "socket"]
    for name in names:
        yield from _rule(name, machine, [Step(RETURN, EPERM)])


def _checks(machine: Machine, strength: Strength, *, inet: bool) -> Iterable[list[Step]]:
    yield from _rule("clone", machine, [_load(0), *_refuse_bits(_NEW_NAMESPACES)])
    yield from _rule("clone3", machine, [Step(RETURN, ENOSYS)])
    if strength != "full" or not inet:
        yield from _rule("socket", machine, _socket(inet=inet))
    if strength == "full":
        return
    yield from _rule("ioctl", machine, _ioctl())
    for name, mode in (("chmod", 1), ("fchmod", 1), ("fchmodat", 2), ("fchmodat2", 2), ("creat", 1)):
        yield from _rule(name, machine, [_load(mode), *_refuse_bits(_SET_ID)])
    for name, flags in (("open", 1), ("openat", 2)):
        cuts = [_load(flags), Step(ANY_BIT, _TRUNCATES, no=1), Step(RETURN, EPERM)] if strength == "reader" else []
        creates = [*cuts, _load(flags), Step(ANY_BIT, _CREATES, yes=1), Step(RETURN, ALLOW)]
        yield from _rule(name, machine, [*creates, _load(flags + 1), *_refuse_bits(_SET_ID)])
    yield from _rule("openat2", machine, [Step(RETURN, ENOSYS)])
    for name, mode in (("mknod", 1), ("mknodat", 2)):
        yield from _rule(name, machine, [_load(mode), *_mknod()])


def _rule(name: str, machine: Machine, body: Sequence[Step]) -> Iterable[list[Step]]:
    """``body`` must return on every path: the accumulator no longer holds the number behind it."""
    number = number_of(name, machine)
    if number is not None:
        yield [Step(EQUAL, number, no=len(body)), *body]


def _load(argument: int) -> Step:
    """Its lower half; what is checked here the kernel itself takes as 32 bits or fewer."""
    return Step(LOAD, _ARGUMENTS + 8 * argument)


def _refuse_bits(bits: int) -> list[Step]:
    return [Step(ANY_BIT, bits, no=1), Step(RETURN, EPERM), Step(RETURN, ALLOW)]


def _ioctl() -> list[Step]:
    sti, linux = _TERMINAL_INPUT
    return [_load(1), Step(EQUAL, sti, yes=1), Step(EQUAL, linux, no=1), Step(RETURN, EPERM), Step(RETURN, ALLOW)]


def _mknod() -> list[Step]:
    return [
        Step(ANY_BIT, _SET_ID, yes=3),
        Step(AND, _FILE_TYPE),
        Step(EQUAL, _CHARACTER, yes=1),
        Step(EQUAL, _BLOCK, no=1),
        Step(RETURN, EPERM),
        Step(RETURN, ALLOW),
    ]


def _socket(*, inet: bool) -> list[Step]:
    """Unix sockets, routes by netlink (getaddrinfo asks for them), and internet ones that are not raw."""
    netlink = [_load(2), Step(EQUAL, _NETLINK_ROUTE, yes=1), Step(RETURN, EPERM), Step(RETURN, ALLOW)]
    by_type = [
        _load(1),
        Step(AND, _TYPE),
        Step(EQUAL, _RAW, yes=1),
        Step(EQUAL, _PACKET, no=1),
        Step(RETURN, EPERM),
        Step(RETURN, ALLOW),
    ]
    families = [
        _load(0),
        Step(EQUAL, _UNIX, no=1),
        Step(RETURN, ALLOW),
        Step(EQUAL, _NETLINK, no=len(netlink)),
        *netlink,
    ]
    if not inet:
        return [*families, Step(RETURN, EPERM)]
    return [*families, Step(EQUAL, _INET, yes=2), Step(EQUAL, _INET6, yes=1), Step(RETURN, EAFNOSUPPORT), *by_type]
