"""The weaker sandbox, for hosts without namespaces: Landlock, no capabilities and the filter of system calls.

What a plan of a view says is translated as far as it goes. Landlock only allows, and what it allows holds for all that
lies below; so of a directory that has hidden places in it the other entries are allowed one by one. Names stay visible,
their contents do not; a file that is created later beside a hidden place can't be read. What is protected inside a
writable place is not protected here, and mode, owner and times of any file that the user owns can be changed.
"""

import ctypes
import os
import struct
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from . import procs
from .view import Mount, is_below

_CREATE, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same numbers on every architecture
_RULE_PATH_BENEATH = 1
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 2, 4, 8
_TRUNCATE, _IOCTL_DEV = 1 << 14, 1 << 15
_ON_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV
_READ = _EXECUTE | _READ_FILE | _READ_DIR
_SCOPE_ABSTRACT_SOCKET, _SCOPE_SIGNAL = 1, 2  # ABI 6
_DEVICES: Final = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty", "/dev/ptmx")

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


def restrict(mounts: Sequence[Mount], temporary: str) -> None:
    """The calling process and its children, for good. ``temporary`` is writable in place of /tmp. Raises OSError."""
    abi = procs.landlock_abi()
    if abi < 1:
        raise OSError(38, "the kernel has no Landlock, or it is switched off", "landlock")
    everything = _known_rights(abi)
    ruleset = _make_ruleset(abi, everything)
    hidden = [mount.path for mount in mounts if mount.kind in ("hide", "hide-file", "tmp")]
    writable = [mount.path for mount in mounts if mount.kind == "write"]
    readable = [mount.path for mount in mounts if mount.kind == "read"]
    _allow(ruleset, ["/"], _READ_DIR)
    _allow(ruleset, visible_parts("/", hidden), _READ)
    _allow(ruleset, readable, _READ)
    _allow(ruleset, [part for place in writable for part in visible_parts(place, hidden)], everything)
    _allow(ruleset, [temporary, *_DEVICES], everything)
    _allow(ruleset, ["/dev/pts"], everything)
    procs.prctl(procs.PR_SET_NO_NEW_PRIVS, 1)
    _check(_libc.syscall(_RESTRICT_SELF, ruleset, 0))
    os.close(ruleset)


def make_reading_ruleset(hidden: Sequence[str]) -> int:
    """A descriptor, for ``enforce``: nothing is writable, of what is ``hidden`` not even the contents can be read.
    Raises OSError."""
    abi = procs.landlock_abi()
    ruleset = _make_ruleset(abi, _known_rights(abi))
    _allow(ruleset, ["/"], _READ_DIR)
    _allow(ruleset, visible_parts("/", hidden), _READ)
    _allow(ruleset, ["/dev/null"], _READ_FILE | _WRITE_FILE)
    _allow(ruleset, ["/dev/zero", "/dev/random", "/dev/urandom"], _READ_FILE)
    return ruleset


def enforce(ruleset: int) -> None:
    """On the calling process and its children, for good. Raises OSError."""
    procs.prctl(procs.PR_SET_NO_NEW_PRIVS, 1)
    _check(_libc.syscall(_RESTRICT_SELF, ruleset, 0))
    os.close(ruleset)


def scope_session() -> bool:
    """Keeps the calling process and its children from signalling processes which are outside, such as the session's
    worker, and from abstract sockets of the host. False where the kernel can't: before Linux 6.12."""
    abi = procs.landlock_abi()
    if abi < 6:
        return False
    attributes = struct.pack("QQQ", 0, 0, _SCOPE_ABSTRACT_SOCKET | _SCOPE_SIGNAL)
    ruleset = _check(_libc.syscall(_CREATE, ctypes.c_char_p(attributes), ctypes.c_size_t(24), 0))
    # The right to administrate the namespace stands for no-new-privileges, which bubblewrap sets for the commands.
    _check(_libc.syscall(_RESTRICT_SELF, ruleset, 0))
    os.close(ruleset)
    return True


def visible_parts(place: str, hidden: Iterable[str]) -> list[str]:
    """``place``, or if something hidden lies in it, the outermost places in it that hold nothing hidden. Links are left
    out: a rule would be made for what they lead to, and that has rules of its own."""
    inside = [path for path in hidden if is_below(path, place)]
    if not inside:
        return [place]
    if place in inside:
        return []
    found: list[str] = []
    try:
        entries = list(os.scandir(place))
    except OSError:
        return []
    for entry in entries:
        if not entry.is_symlink():
            found += visible_parts(entry.path, inside)
    return found


def _known_rights(abi: int) -> int:
    """Unknown bits are an error, so only what this kernel's version has."""
    bits = 13 if abi < 2 else 14 if abi < 3 else 15 if abi < 5 else 16
    return (1 << bits) - 1


def _make_ruleset(abi: int, rights: int) -> int:
    # struct landlock_ruleset_attr: file rights, network rights (ABI 4), scopes (ABI 6); shorter for older kernels.
    # Signals are not scoped: commands of one session are in domains of their own and must be able to stop each other.
    attributes = struct.pack("QQQ", rights, 0, _SCOPE_ABSTRACT_SOCKET if abi >= 6 else 0)
    size = 24 if abi >= 6 else 16 if abi >= 4 else 8
    return _check(_libc.syscall(_CREATE, ctypes.c_char_p(attributes), ctypes.c_size_t(size), 0))


def _allow(ruleset: int, paths: Iterable[str], rights: int) -> None:
    for path in paths:
        try:
            fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except OSError:
            continue  # gone, or not even ours to look at
        try:
            allowed = rights if Path(path).is_dir() else rights & _ON_FILES
            rule = struct.pack("=Qi", allowed, fd)
            _check(_libc.syscall(_ADD_RULE, ruleset, _RULE_PATH_BENEATH, ctypes.c_char_p(rule), 0))
        finally:
            os.close(fd)


def _check(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), "landlock")
    return result
