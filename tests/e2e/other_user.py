"""Running the tests' own Python as a user who may not even see where it is installed."""

import os
import shlex
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def launcher(user: int) -> list[str]:
    """What goes before a command; it keeps its process number. Needs root.

    In a mount namespace of its own an empty directory is laid over each that the user can't pass, and what is needed of
    its contents is bound back into it."""
    script = "\n".join(["set -e", *_open_up(), f'exec setpriv --reuid {user} --regid {user} --clear-groups "$@"'])
    return ["unshare", "--mount", "sh", "-c", script, "sh"]


def _open_up() -> list[str]:
    behind = {path: closed for path in _needed() if (closed := _first_closed(path)) is not None}
    if not behind:
        return []
    kept = {path: f'"$kept/{number}"' for number, path in enumerate(behind)}
    return [
        "kept=$(mktemp -d)",
        *(f"mkdir {kept[path]}; mount --bind {shlex.quote(str(path))} {kept[path]}" for path in behind),
        *(f"mount -t tmpfs -o mode=755 none {shlex.quote(str(closed))}" for closed in set(behind.values())),
        *(f"mkdir -p {shlex.quote(str(path))}; mount --move {kept[path]} {shlex.quote(str(path))}" for path in behind),
        'rm -r "$kept"',
    ]


def _needed() -> set[Path]:
    return {Path(sys.prefix), Path(os.path.realpath(sys.base_prefix)), ROOT}


def _first_closed(path: Path) -> Path | None:
    return next((parent for parent in reversed(path.parents) if not parent.stat().st_mode & 0o001), None)
