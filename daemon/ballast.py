"""Room that is kept for making room.

To delete is to write: a transaction into the log of writes, and pages that move before the store can shrink. On a full
disk nobody could, just when an administrator must. A file of nothing takes a little of the disk while there is enough;
it goes when something is to be deleted and there is no room for that, and is made again when there is.
"""

import contextlib
import os
from pathlib import Path
from typing import Final

from oad.contract.limits import MEGABYTE

_NAME: Final = "ballast"


class Ballast:
    def __init__(self, data: Path) -> None:
        self._file = data / _NAME

    def mb(self) -> int:
        """What it takes of the disk now."""
        with contextlib.suppress(OSError):
            return self._file.stat().st_size // MEGABYTE
        return 0

    def lay(self, mb: int) -> None:
        """Blocks. Raises OSError, and has laid nothing then."""
        descriptor = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, mb * MEGABYTE)
        except OSError:
            self.release()
            raise
        finally:
            os.close(descriptor)

    def release(self) -> bool:
        """Whether there was any. Raises OSError."""
        had = self.mb() > 0
        self._file.unlink(missing_ok=True)
        return had
