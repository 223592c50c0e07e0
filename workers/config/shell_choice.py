"""The shell that commands of a session run in: the configured one, if it is a shell that is understood."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final

UNDERSTOOD: Final = ("bash", "zsh", "sh", "dash", "ksh")  # what permissions are found by, reads their language
DEFAULT: Final = "/bin/bash" if Path("/bin/bash").exists() else "/bin/sh"


def find_shell(wanted: str | None, worktree: str, environ: Mapping[str, str]) -> tuple[str, str]:
    """Path, and why it is not the wanted one. One that lies in the workspace could be anything: a rule that allows a
    command would allow whatever that makes of it."""
    if not wanted:
        return DEFAULT, ""
    found = shutil.which(wanted, path=environ.get("PATH", "/usr/bin:/bin"))
    if found is None or not Path(found).is_absolute():
        return DEFAULT, f"shell: {wanted!r} is not found; {DEFAULT} is used"
    real = Path(found).resolve()
    if Path(found).name not in UNDERSTOOD:
        return DEFAULT, f"shell: {wanted!r} is none of {', '.join(UNDERSTOOD)}; {DEFAULT} is used"
    if worktree != "/" and (real.is_relative_to(worktree) or Path(found).is_relative_to(worktree)):
        return DEFAULT, f"shell: {wanted!r} lies in the project; {DEFAULT} is used"
    return found, ""
