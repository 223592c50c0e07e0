"""Blocking reads off the event loop."""

from collections.abc import Callable
from typing import TypeVar, TypeVarTuple

import trio

Result = TypeVar("Result")
Arguments = TypeVarTuple("Arguments")


async def in_thread(function: Callable[[*Arguments], Result], *args: *Arguments) -> Result:
    """Runs what only looks, and may hang (a dead network mount), in a thread that a cancelled call leaves behind."""
    return await trio.to_thread.run_sync(function, *args, abandon_on_cancel=True)
