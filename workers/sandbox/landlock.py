"""Landlock on the worker itself: its own code, file tools above all, may write only where the session may.

This is the last line behind the checks of the tools: a path that is exchanged for a symlink between check and write
still cannot leave the roots, because the kernel decides on what was really opened. Reading stays as it is. Commands do
not pass through here, they descend from the session's init.
"""

import ctypes
import os
import struct
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from oad.contract.worker import WorkerSpec

PRIVATE_TMP: Final = ("/tmp", "/var/tmp")  # noqa: S108
DEVICES: Final = ("/dev/null", "/dev/zero", "/dev/full", "/dev/tty")
TERMINALS: Final = ("/dev/ptmx", "/dev/pts")

_CREATE, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same numbers on every architecture
_CREATE_VERSION = 1
_RULE_PATH_BENEATH = 1
_PR_SET_NO_NEW_PRIVS = 38

_WRITE_FILE = 1 << 1
_MAKE_AND_REMOVE = sum(1 << bit for bit in range(4, 13))
_REFER = 1 << 13  # ABI 2: rename and link from one directory into another
_TRUNCATE = 1 << 14  # ABI 3
_ON_FILES = _WRITE_FILE | _TRUNCATE
_SCOPE_ABSTRACT_SOCKET, _SCOPE_SIGNAL = 1, 2  # ABI 6

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


class Restriction(msgspec.Struct, frozen=True):
    """What is enforced on this process. ``abi`` 0: nothing, for ``reason``. ``missing`` are roots that did not exist:
    if they are created later, they are not writable."""

    abi: int
    writable: list[str] = []
    missing: list[str] = []
    truncate: bool = False
    signals: bool = False  # cannot signal processes that are not as restricted as itself
    reason: str = ""


def restrict_worker(spec: WorkerSpec) -> Restriction:
    """Restricts the calling process for good. To be called before any thread is started, because threads that exist
    already would stay free. Raises OSError when the kernel knows Landlock and yet refuses, RuntimeError for threads."""
    # The session's own /tmp is a part of its scratch, but reached by another path, which the kernel looks at.
    temporary = PRIVATE_TMP if spec.confinement.level == "namespaces" else ()
    devices = (*DEVICES, *TERMINALS) if spec.kind == "pty" else DEVICES
    return restrict_writes([*spec.writable, spec.scratch, *temporary, *devices])


def restrict_writes(roots: Sequence[str]) -> Restriction:
    if sum(1 for _ in Path("/proc/self/task").iterdir()) > 1:
        raise RuntimeError("Landlock restricts a thread, and this process has several")
    abi = find_abi()
    if abi < 1:
        return Restriction(0, reason="the kernel has no Landlock, or it is switched off")
    writable: list[str] = []
    missing: list[str] = []
    with _ruleset(abi) as ruleset:
        for root in filter(None, roots):
            (writable if _allow(ruleset, root, _rights(abi)) else missing).append(root)
        _check(_libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        _check(_libc.syscall(_RESTRICT_SELF, ruleset, 0))
    return Restriction(abi, writable, missing, truncate=abi >= 3, signals=abi >= 6)


def find_abi() -> int:
    """0 when there is none."""
    return max(0, int(_libc.syscall(_CREATE, None, ctypes.c_size_t(0), _CREATE_VERSION)))


def _rights(abi: int) -> int:
    """Unknown bits are an error, so only what this kernel's version has."""
    return _WRITE_FILE | _MAKE_AND_REMOVE | (_REFER if abi >= 2 else 0) | (_TRUNCATE if abi >= 3 else 0)


@contextmanager
def _ruleset(abi: int) -> Generator[int]:
    # struct landlock_ruleset_attr: file rights, network rights (ABI 4), scopes (ABI 6); shorter for older kernels
    attributes = struct.pack("QQQ", _rights(abi), 0, _SCOPE_ABSTRACT_SOCKET | _SCOPE_SIGNAL if abi >= 6 else 0)
    size = 24 if abi >= 6 else 16 if abi >= 4 else 8
    fd = _check(_libc.syscall(_CREATE, ctypes.c_char_p(attributes), ctypes.c_size_t(size), 0))
    try:
        yield fd
    finally:
        os.close(fd)


def _allow(ruleset: int, root: str, rights: int) -> bool:
    """False when there is no such path."""
    try:
        fd = os.open(root, os.O_PATH | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return False
    try:
        allowed = rights if Path(root).is_dir() else rights & _ON_FILES
        rule = struct.pack("=Qi", allowed, fd)
        _check(_libc.syscall(_ADD_RULE, ruleset, _RULE_PATH_BENEATH, ctypes.c_char_p(rule), 0))
    finally:
        os.close(fd)
    return True


def _check(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), "landlock")
    return result
