"""Answering before all is tidied up."""

from collections.abc import Awaitable, Callable

import outcome
import trio


async def early(work: Callable[[], Awaitable[None]], enough: trio.Event) -> None:
    """Until the work is done, or ``enough`` is set: the work, which knows that it is wanted no more, then ends by
    itself behind our back. Raises what it raised. Who is cancelled waits for its end."""
    scope, over = trio.CancelScope(), trio.Event()
    ended: list[outcome.Outcome[None]] = []

    async def run() -> None:
        with scope:
            ended.append(await outcome.acapture(work))
        over.set()
        enough.set()

    trio.lowlevel.spawn_system_task(run)
    try:
        await enough.wait()
    finally:
        if not enough.is_set():
            scope.cancel()
            with trio.CancelScope(shield=True):
                await over.wait()
    for result in ended:
        result.unwrap()
