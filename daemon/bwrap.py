"""The command line of bubblewrap, which builds the view of one command and runs it without any privilege."""

import os
from collections.abc import Collection, Mapping, Sequence
from typing import Final, NamedTuple

from oad.contract.policy import Profile
from oad.contract.sandbox import Confinement

from .view import Kind, Mount, parents

# What would undo the view, or reach through it: "full" keeps the other capabilities of root.
NEVER: Final = (
    "CAP_SYS_ADMIN",
    "CAP_SYS_PTRACE",
    "CAP_SYS_MODULE",
    "CAP_SYS_RAWIO",
    "CAP_SYS_BOOT",
    "CAP_SYS_CHROOT",
    "CAP_MKNOD",
    "CAP_DAC_READ_SEARCH",
    "CAP_BPF",
    "CAP_PERFMON",
)


class Descriptors(NamedTuple):
    """Inherited by bwrap, which closes them before the command starts."""

    seccomp: int
    status: int
    arguments: int  # further options, see ``environment_arguments``


def command_line(
    confinement: Confinement,
    profile: Profile,
    mounts: Sequence[Mount],
    argv: Sequence[str],
    *,
    cwd: str,
    descriptors: Descriptors,
    standing: Collection[str] = (),
    terminal: bool = False,
) -> list[str]:
    """``standing``: paths that are hidden or protected in the caller's mount namespace already. No PID namespace is
    made: the session has one, and what a command leaves running must not end with the command. ``terminal``: the
    program makes a session of its own, see ``controlled``, which it could not do as the leader of one."""
    minimal = confinement.root == "minimal" and profile != "full"
    kept = [mount for mount in mounts if minimal or mount.kind in ("write", "tmp") or mount.path in confinement.private]
    kept = _with_covered(mounts, {mount.path: mount.kind for mount in kept}, standing)
    line = [confinement.bwrap, *_root(profile, minimal=minimal)]
    for mount in kept:
        line += _arguments(mount, confinement)
    for mount in kept:
        if mount.kind == "hide":
            line += ["--remount-ro", mount.path]
    if minimal:
        line += ["--remount-ro", "/"]
    line += ["--unshare-ipc", "--unshare-uts", "--die-with-parent", *_capabilities(profile)]
    if not terminal:
        line.append("--new-session")
    line += ["--seccomp", str(descriptors.seccomp), "--json-status-fd", str(descriptors.status)]
    line += ["--args", str(descriptors.arguments)]
    return [*line, "--chdir", cwd, "--", *argv]


def environment_arguments(env: Mapping[str, str]) -> bytes:
    """The command's environment as options: bubblewrap itself runs outside of the sandbox and must not be steered by
    it (LD_PRELOAD, LD_LIBRARY_PATH). Raises ValueError: what looks like a variable must not become an option."""
    for name, value in env.items():
        if not name or "=" in name or "\0" in name + value:
            raise ValueError(f"not a variable of an environment: {name[:100]!r}")
    words = [word for name, value in env.items() for word in ("--setenv", name, value)]
    return b"".join(os.fsencode(word) + b"\0" for word in words)


def _with_covered(mounts: Sequence[Mount], made: dict[str, Kind], standing: Collection[str]) -> list[Mount]:
    """Also what stands already, when something is mounted over it anew: parents come before what is below them."""
    for mount in mounts:
        if mount.path not in made and (mount.path not in standing or _is_covered(mount.path, made)):
            made[mount.path] = mount.kind
    return [mount for mount in mounts if mount.path in made]


def _is_covered(path: str, made: dict[str, Kind]) -> bool:
    around = next((made[parent] for parent in parents(path) if parent in made), "read")
    return around in ("hide", "tmp")


def _root(profile: Profile, *, minimal: bool) -> list[str]:
    if profile == "full":
        return ["--dev-bind", "/", "/"]
    root = ["--ro-bind", "/proc", "/proc"] if minimal else ["--ro-bind", "/", "/"]
    return [*root, "--dev", "/dev"]


def _arguments(mount: Mount, confinement: Confinement) -> list[str]:
    match mount.kind:
        case "hide":
            return ["--perms", "0555", "--tmpfs", mount.path]
        case "hide-file":
            return ["--ro-bind", f"{confinement.scratch}/empty", mount.path]
        case "read":
            return ["--ro-bind", mount.path, mount.path]
        case "write" | "tmp":
            return ["--bind", mount.source or mount.path, mount.path]
        case "link":
            return ["--symlink", mount.source, mount.path]


def _capabilities(profile: Profile) -> list[str]:
    if profile != "full":
        return ["--cap-drop", "ALL"]
    return [word for name in NEVER for word in ("--cap-drop", name)]
