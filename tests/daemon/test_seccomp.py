"""The filter, run by a small interpreter of its own: what the kernel would answer to each call."""

import os
import struct
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oad.daemon.seccomp import (
    ALLOW,
    AND,
    ANY_BIT,
    ARCHITECTURES,
    AT_LEAST,
    EAFNOSUPPORT,
    ENOSYS,
    EPERM,
    EQUAL,
    GREATER,
    KILL,
    LOAD,
    RETURN,
    Step,
    UnknownMachine,
    make_filter,
    make_steps,
)
from oad.daemon.syscall_numbers import CHANGES, KERNEL, MACHINE, MOUNTS, NAMESPACES, OTHER_PROCESSES, Machine, number_of

MACHINES: tuple[Machine, ...] = get_args(Machine)


def answer(
    steps: list[Step], number: int, *arguments: int, machine: Machine = "x86_64", architecture: int | None = None
) -> int:
    """As the kernel's interpreter: one accumulator, jumps forward only, and a limit to what can be read."""
    values = [*arguments, 0, 0, 0, 0, 0, 0][:6]
    arch = ARCHITECTURES[machine] if architecture is None else architecture
    data = struct.pack("<IIQ6Q", number & 0xFFFF_FFFF, arch, 0, *(value & (1 << 64) - 1 for value in values))
    accumulator, at = 0, 0
    while True:
        step = steps[at]
        at += 1
        match step.code:
            case 0x20:
                accumulator = struct.unpack_from("<I", data, step.value)[0]
            case 0x54:
                accumulator &= step.value
            case 0x06:
                return step.value
            case _:
                holds = {
                    EQUAL: accumulator == step.value,
                    GREATER: accumulator > step.value,
                    AT_LEAST: accumulator >= step.value,
                    ANY_BIT: bool(accumulator & step.value),
                }[step.code]
                at += step.yes if holds else step.no


def ask(name: str, *arguments: int, machine: Machine = "x86_64", inet: bool = True, full: bool = False) -> int:
    number = number_of(name, machine)
    assert number is not None
    steps = make_steps(machine, "full" if full else "sandbox", inet=inet)
    return answer(steps, number, *arguments, machine=machine)


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("name", [*MOUNTS, *NAMESPACES, *KERNEL, *OTHER_PROCESSES, *MACHINE])
def test_what_is_refused(name: str, machine: Machine) -> None:
    if number_of(name, machine) is None:
        pytest.skip(f"{machine} has no {name}")
    assert ask(name, machine=machine) == EPERM
    kept = name in {**MOUNTS, **NAMESPACES, **KERNEL}
    assert ask(name, machine=machine, full=True) == (EPERM if kept else ALLOW)


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("name", [*CHANGES, "chmod", "fchmod", "fchmodat", "fchmodat2", "socket"])
def test_what_a_reader_is_refused(name: str, machine: Machine) -> None:
    number = number_of(name, machine)
    if number is None:
        pytest.skip(f"{machine} has no {name}")
    assert answer(make_steps(machine, "reader"), number, 0, 0, 0, machine=machine) == EPERM
    if name in CHANGES:
        assert ask(name, machine=machine) == ALLOW


@pytest.mark.parametrize("machine", MACHINES)
def test_a_reader_opens_without_cutting_off(machine: Machine) -> None:
    number = number_of("openat", machine)
    assert number is not None
    steps = make_steps(machine, "reader")
    assert answer(steps, number, 0, 0, os.O_RDONLY | os.O_CLOEXEC, machine=machine) == ALLOW
    assert answer(steps, number, 0, 0, os.O_RDONLY | os.O_TRUNC, machine=machine) == EPERM
    assert ask("openat", 0, 0, os.O_WRONLY | os.O_TRUNC, machine=machine) == ALLOW


@pytest.mark.parametrize("machine", MACHINES)
def test_everyday_calls_are_allowed(machine: Machine) -> None:
    steps = make_steps(machine, "sandbox")
    everyday = {"x86_64": (0, 1, 3, 9, 39, 59, 60, 202, 257, 334, 439, 444), "aarch64": (63, 64, 93, 172, 221, 439)}
    for number in everyday[machine]:
        assert answer(steps, number, machine=machine) == ALLOW


@pytest.mark.parametrize("machine", MACHINES)
def test_namespaces_by_clone(machine: Machine) -> None:
    thread, fork = 0x3D0F00, 17
    assert ask("clone", thread, machine=machine) == ask("clone", fork, machine=machine) == ALLOW
    for flag in (0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000):
        assert ask("clone", flag | fork, machine=machine) == EPERM
        assert ask("clone", flag | fork, machine=machine, full=True) == EPERM
    assert ask("clone3", machine=machine) == ENOSYS


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((1, 1, 0), ALLOW),
        ((1, 5, 0), ALLOW),
        ((2, 1, 0), ALLOW),
        ((2, 2 | 0o2000000, 17), ALLOW),
        ((10, 1, 0), ALLOW),
        ((2, 3, 1), EPERM),
        ((10, 3 | 0o4000, 58), EPERM),
        ((2, 10, 0), EPERM),
        ((16, 3, 0), ALLOW),
        ((16, 3, 15), EPERM),
        ((17, 3, 0), EAFNOSUPPORT),
        ((38, 5, 0), EAFNOSUPPORT),
        ((40, 1, 0), EAFNOSUPPORT),
    ],
)
def test_sockets(arguments: tuple[int, ...], expected: int) -> None:
    assert ask("socket", *arguments) == expected
    without = ask("socket", *arguments, inet=False)
    assert without == (expected if arguments[0] in (1, 16) else EPERM)


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("bits", [0o4000, 0o2000, 0o6000])
def test_setuid_and_setgid_modes(bits: int, machine: Machine) -> None:
    first, second = ("chmod", "fchmod", "creat", "mknod"), ("fchmodat", "fchmodat2", "mknodat")
    for name, before in [*((name, (0,)) for name in first), *((name, (0, 0)) for name in second)]:
        if number_of(name, machine) is not None:
            assert ask(name, *before, 0o100000 | 0o755 | bits, machine=machine) == EPERM
            assert ask(name, *before, 0o100000 | 0o1777, machine=machine) == ALLOW
    for flags in (0o100, 0o101, 0o20200000):
        assert ask("openat", 0, 0, flags, 0o755 | bits, machine=machine) == EPERM
        assert ask("openat", 0, 0, flags, 0o755, machine=machine) == ALLOW
    assert ask("openat", 0, 0, 2, 0o755 | bits, machine=machine) == ALLOW, "without O_CREAT there is no mode"
    assert ask("openat2", machine=machine) == ENOSYS


def test_devices() -> None:
    for kind, expected in ((0o020000, EPERM), (0o060000, EPERM), (0o010000, ALLOW), (0o140000, ALLOW), (0, ALLOW)):
        assert ask("mknod", 0, kind | 0o644) == ask("mknodat", 0, 0, kind | 0o644) == expected


def test_typing_into_a_terminal() -> None:
    assert ask("ioctl", 0, 0x5412) == ask("ioctl", 0, 0x541C) == EPERM
    assert ask("ioctl", 0, 0x5412 | 1 << 32) == EPERM, "the kernel takes the lower half only"
    assert ask("ioctl", 0, 0x5413) == ALLOW


@pytest.mark.parametrize("machine", MACHINES)
@given(number=st.integers(0, 0xFFFF_FFFF), architecture=st.sampled_from([0x4000_0003, 0x4000_0028, 0, 0xC000_003E]))
def test_foreign_architectures_are_killed(machine: Machine, number: int, architecture: int) -> None:
    if architecture != ARCHITECTURES[machine]:
        steps = make_steps(machine, "sandbox")
        assert answer(steps, number, machine=machine, architecture=architecture) == KILL


@given(st.integers(0, 600))
def test_the_second_set_of_numbers_is_refused(number: int) -> None:
    assert answer(make_steps("x86_64", "sandbox"), 0x4000_0000 | number) == EPERM


@pytest.mark.parametrize("machine", MACHINES)
@given(number=st.integers(467, 0x3FFF_FFFF))
def test_what_is_newer_than_the_tables_does_not_exist(machine: Machine, number: int) -> None:
    assert answer(make_steps(machine, "sandbox"), number, machine=machine) == ENOSYS


@pytest.mark.parametrize("machine", MACHINES)
@given(number=st.integers(0, 470), arguments=st.lists(st.integers(0, 2**64 - 1), max_size=6))
def test_every_path_ends_in_an_answer(machine: Machine, number: int, arguments: list[int]) -> None:
    for strength in ("sandbox", "full"):
        steps = make_steps(machine, strength)
        assert answer(steps, number, *arguments, machine=machine) in (ALLOW, EPERM, ENOSYS, EAFNOSUPPORT)
        assert all(step.yes < 256 and step.no < 256 for step in steps)
        assert {step.code for step in steps} <= {LOAD, EQUAL, GREATER, AT_LEAST, ANY_BIT, AND, RETURN}


def test_other_processors_are_refused() -> None:
    with pytest.raises(UnknownMachine, match="riscv64"):
        make_filter("riscv64", "sandbox")
