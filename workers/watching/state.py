"""What becomes of a file, and what tells its state from the one before."""

import os
from typing import Literal

Event = Literal["add", "change", "unlink"]


def state_of(path: str) -> str:
    """Never empty, whether the file is there or not. Blocks."""
    try:
        status = os.lstat(path)
    except OSError:
        return "gone"
    return f"{status.st_ino} {status.st_size} {status.st_mtime_ns}"
