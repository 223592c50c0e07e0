"""Which places a command sees, and how: a confinement turned into mounts, in the order in which they are made.

The more specific of two paths decides. What does not exist is skipped: a mount point made for it would stay behind in
the project. Symlinks are followed, because a mount is made where a path leads.
"""

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from typing import Final, Literal, NamedTuple

from oad.contract.policy import Profile
from oad.contract.sandbox import Confinement

Kind = Literal["hide", "hide-file", "tmp", "read", "write", "link"]

TMP: Final = ("/tmp", "/var/tmp")  # noqa: S108  what a session has there is its own
ALWAYS_HIDDEN: Final = (
    "/run",  # sockets of the host: docker, D-Bus, ssh agents, oad itself
    "/etc/shadow",
    "/etc/shadow-",
    "/etc/gshadow",
    "/etc/gshadow-",
    "/etc/ssl/private",
    "/var/lib/docker",
    "/var/lib/containerd",
    "/sys/firmware",
    "/sys/fs/bpf",
    "/sys/kernel/debug",
    "/sys/kernel/tracing",
    "/sys/kernel/security",
)
# Of /run, what programs can't do without: names are resolved with it, and NixOS keeps all programs behind it.
NEEDED: Final = ("/etc/resolv.conf", "/run/current-system", "/run/opengl-driver", "/run/booted-system")
MINIMAL_ROOT: Final = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc", "/opt", "/nix/store")

_RANK: Final[dict[Kind, int]] = {"hide": 0, "hide-file": 0, "tmp": 1, "read": 2, "write": 3, "link": 4}


class Mount(NamedTuple):
    """``source`` is empty for what is bound to itself and for what is hidden; of a link it is where it leads."""

    path: str
    kind: Kind
    source: str = ""


class Found(NamedTuple):
    path: str  # links followed
    is_directory: bool


Look = Callable[[str], Found | None]


def look(path: str) -> Found | None:
    """None where nothing is. The kernel follows the links, in one call instead of one for each part of the path."""
    try:
        fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return Found(os.readlink(f"/proc/self/fd/{fd}"), stat.S_ISDIR(os.fstat(fd).st_mode))  # noqa: PTH115  it is hot
    finally:
        os.close(fd)


def plan_view(
    confinement: Confinement, profile: Profile, look: Look = look, *, worker: bool = False, snapshots: bool = False
) -> list[Mount]:
    """Below a root that is read-only, or with "full" writable, or with ``root = "minimal"`` empty. A ``worker`` has the
    host's root always, for its own program must run, and writes to its scratch. The place of the ``snapshots`` is in a
    worker's view, so that it can be in that of the commands that are run for them."""
    view = _View(look)
    view.add("hide", confinement.private)
    view.add("tmp", TMP, source=temporary_of(confinement))
    if worker:
        view.add("write", (confinement.scratch,))
    else:
        view.add("read", (f"{confinement.scratch}/tool-output",))
    if (worker or snapshots) and confinement.snapshots:
        view.add("write", (confinement.snapshots,))
    view.add("write" if profile != "read-only" else "read", confinement.writable)
    if profile == "full":
        return view.mounts("write")
    view.add("hide", (*ALWAYS_HIDDEN, *confinement.hidden))
    view.add("read", (*NEEDED, *confinement.exposed, *confinement.protected))
    if confinement.root == "minimal" and not worker:
        view.add("read", MINIMAL_ROOT)
        return [*view.mounts("hide"), *_links(look)]
    return view.mounts("read")


def temporary_of(confinement: Confinement) -> str:
    """What a session has as /tmp, or as $TMPDIR where it can't have its own /tmp."""
    return f"{confinement.scratch}/tmp"  # noqa: S108


def _links(look: Look) -> list[Mount]:
    """``/bin`` and its like, where they are links to what is below ``/usr``."""
    found = ((path, look(path)) for path in MINIMAL_ROOT)
    return [Mount(path, "link", led.path) for path, led in found if led is not None and led.path != path]


def is_below(path: str, place: str) -> bool:
    """Also the place itself."""
    return path == place or path.startswith(place.rstrip("/") + "/")


def outermost(paths: Iterable[str]) -> list[str]:
    """Without those that lie below another one."""
    kept: list[str] = []
    for path in sorted(set(paths), key=_depth):
        if not any(is_below(path, other) for other in kept):
            kept.append(path)
    return kept


class _View:
    def __init__(self, look: Look) -> None:
        self._look = look
        self._kinds: dict[str, Kind] = {}
        self._sources: dict[str, str] = {}

    def add(self, kind: Kind, paths: Iterable[str], source: str = "") -> None:
        for path in paths:
            there = self._look(path)
            if there is None or there.path == "/":
                continue
            found: Kind = "hide-file" if kind == "hide" and not there.is_directory else kind
            known = self._kinds.get(there.path)
            if known is None or _RANK[found] < _RANK[known]:
                self._kinds[there.path] = found
                self._sources[there.path] = source

    def mounts(self, root: Kind) -> list[Mount]:
        self._pin()
        made: dict[str, Kind] = {"/": root}
        for path in sorted(self._kinds, key=_depth):
            kind = self._kinds[path]
            around = _nearest(path, made)
            if _is_needed(kind, around):
                made[path] = kind
        return [Mount(path, kind, self._sources.get(path, "")) for path, kind in made.items() if path != "/"]

    def _pin(self) -> None:
        """A directory can be renamed although something below it is mounted, and a copy put in its place. A directory
        that is a mount itself can't, so every one between a writable place and a protected one becomes a mount."""
        for path, kind in list(self._kinds.items()):
            if kind not in ("read", "hide", "hide-file"):
                continue
            between: list[str] = []
            for parent in parents(path):
                found = self._kinds.get(parent)
                if found == "write":
                    self._kinds.update(dict.fromkeys(between, "write"))
                if found is not None:
                    break
                between.append(parent)


def _nearest(path: str, made: dict[str, Kind]) -> Kind:
    return next(made[parent] for parent in parents(path) if parent in made)


def _is_needed(kind: Kind, around: Kind) -> bool:
    if kind in ("hide", "hide-file", "tmp"):
        return around not in ("hide", "hide-file") and not (around == "tmp" and kind != "tmp")
    return kind == "write" or kind != around


def _depth(path: str) -> tuple[int, str]:
    return path.count("/"), path


def parents(path: str) -> Iterator[str]:
    """Nearest first, ``/`` last."""
    while path != "/":
        path = path.rpartition("/")[0] or "/"
        yield path
