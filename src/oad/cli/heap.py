"""How the C library keeps memory for the processes of the service."""

import contextlib
import ctypes
from typing import Final

_M_ARENA_MAX: Final = -8  # of malloc.h


def use_one_heap() -> None:
    """By default each thread gets memory from a place of its own, which is kept when it is empty but for fragments: a
    service with threads that come and go then grows for hours. Python runs one thread at a time anyway."""
    with contextlib.suppress(AttributeError, OSError):  # other C libraries have nothing of the kind
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)
