"""The workers of terminals: one for each, from its first moment until its program, or its client, ends it."""

from typing import Final

import trio

from oad.contract.errors import unavailable
from oad.contract.sandbox import SandboxWish

from .supervisor import Supervisor
from .worker import Worker

_DRAIN_S: Final = 2.0
_HANG_UP_S: Final = 1.0  # for a shell to save its history


async def open_terminal(supervisor: Supervisor, id: str, directory: str, wish: SandboxWish) -> Worker:
    """A worker for one terminal, without its program yet. Raises ApiError 429, 503."""
    worker = supervisor.begin(("pty", id), directory, (), wish)
    await worker.settled.wait()
    if not worker.serving:
        raise worker.failure or unavailable(f"the worker of {id} ended at its start")
    return worker


async def end_terminal(supervisor: Supervisor, id: str) -> None:
    """Hangs it up, then kills whatever is left of it."""
    worker = supervisor.find("pty", id)
    if worker is None:
        return
    await worker.drain(_DRAIN_S)
    with trio.move_on_after(_HANG_UP_S):
        await worker.gone.wait()
    worker.kill()
    await worker.gone.wait()
