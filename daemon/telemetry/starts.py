"""How often the daemon was started: a note in the runtime directory, which outlives it, but not the host's restart."""

from pathlib import Path
from typing import Final

NAME: Final = "daemon-starts"


def note_start(runtime: Path) -> int:
    """Returns how often it was started before."""
    file = runtime / NAME
    try:
        before = int(file.read_text())
    except (OSError, ValueError):
        before = 0
    new = file.with_suffix(".new")
    new.write_text(f"{before + 1}\n")
    new.replace(file)
    return before


def forget_starts(runtime: Path) -> None:
    """The parent of all is started itself."""
    (runtime / NAME).unlink(missing_ok=True)
