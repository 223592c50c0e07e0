"""The tables against the kernel's headers, where they are installed (linux-libc-dev, linux-libc-dev-arm64-cross)."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from oad.daemon.syscall_numbers import NEWEST, Machine, names, number_of

HEADERS: dict[Machine, tuple[str, list[str]]] = {
    "x86_64": ("/usr/include/x86_64-linux-gnu", ["-D__x86_64__"]),
    "aarch64": ("/usr/aarch64-linux-gnu/include", ["-U__x86_64__", "-D__aarch64__"]),
}
INCLUDES = "#include <asm/unistd.h>\n"


def read_headers(machine: Machine) -> dict[str, int]:
    directory, defined = HEADERS[machine]
    if not shutil.which("gcc") or not Path(directory, "asm/unistd.h").exists():
        pytest.skip(f"gcc, or the kernel's headers for {machine}, are not installed")
    command = ["gcc", "-E", "-dM", "-nostdinc", "-isystem", directory, *defined, "-"]
    text = subprocess.run(command, input=INCLUDES, capture_output=True, text=True, check=True).stdout
    macros = dict(re.findall(r"#define (\w+) (\w+)$", text, re.MULTILINE))
    return {name.removeprefix("__NR_"): _resolve(name, macros) for name in macros if name.startswith("__NR_")}


def _resolve(name: str, macros: dict[str, str]) -> int:
    while name in macros:
        name = macros[name]
    return int(name) if name.isdigit() else -1


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_every_number_is_the_kernels(machine: Machine) -> None:
    kernel = read_headers(machine)
    newest = max(number for name, number in kernel.items() if name != "syscalls")
    known = {name: number_of(name, machine) for name in names()}
    assert {name: number for name, number in known.items() if number is not None and number <= newest} == {
        name: kernel[name] for name in known if name in kernel
    }
    assert len([name for name in known if name in kernel]) > 40


def test_all_are_older_than_what_can_not_be_judged() -> None:
    assert all((number_of(name, machine) or 0) <= NEWEST for name in names() for machine in HEADERS)
