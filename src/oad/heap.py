"""How Python and the C library keep memory for the processes of the service."""

import ctypes
import gc
from collections.abc import Callable
from typing import Final, cast

import trio

_M_ARENA_MAX: Final = -8  # of malloc.h
_GIVE_BACK_EVERY_S: Final = 30.0


def use_one_heap() -> None:
    """By default each thread gets memory from a place of its own, which is kept when it is empty but for fragments: a
    service with threads that come and go then grows for hours. Python runs one thread at a time anyway."""
    if (mallopt := _find("mallopt")) is not None:
        mallopt(_M_ARENA_MAX, 1)


def settle() -> None:
    """To be called when all is there that stays. Python looks for cycles among all objects only when a quarter more
    have come: beside those of all modules megabytes of garbage gather, and a look then takes long."""
    gc.collect()
    gc.freeze()


def give_back() -> None:
    """To the kernel, whole pages that are free: by itself the library gives back only what is free at the end, and
    buffers of all sizes that come and go leave something there for ever. Takes a few milliseconds."""
    gc.collect()
    if (trim := _find("malloc_trim")) is not None:
        trim(0)


async def keep_small(every_s: float = _GIVE_BACK_EVERY_S) -> None:
    """To be started when all is there that stays. Gives memory back from time to time, until it is cancelled."""
    settle()
    while True:
        await trio.sleep(every_s)
        give_back()


def _find(name: str) -> Callable[..., int] | None:
    """A function of the C library; others than glibc have nothing of the kind."""
    try:
        return cast(Callable[..., int], getattr(ctypes.CDLL(None), name))
    except (AttributeError, OSError):
        return None
