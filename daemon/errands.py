"""Single requests to workers of directories, which are not made again when the worker dies over them."""

from collections.abc import Sequence
from typing import Any

import msgspec
import trio

from oad.contract.errors import ApiError, unavailable
from oad.link import Answer

from .supervisor import Supervisor
from .worker import Worker


async def ask_directory(supervisor: Supervisor, directory: str, op: str, body: bytes = b"") -> Answer:
    """Raises ApiError."""
    return await _ask(supervisor, await supervisor.ensure("project", directory, directory), op, body)


async def ask_special(
    supervisor: Supervisor, name: str, directory: str, writable: Sequence[str], op: str, body: bytes
) -> Answer:
    """Of a worker that may write to these places and nowhere else, and that ends with its answer. Raises ApiError."""
    try:
        return await _ask(supervisor, await supervisor.ensure("project", name, directory, writable), op, body)
    finally:
        with trio.CancelScope(shield=True):
            await supervisor.end_project(name)


async def _ask(supervisor: Supervisor, worker: Worker, op: str, body: bytes) -> Answer:
    answer = await supervisor.call(worker, op, {"directory": worker.spec.directory}, body)
    if answer is None:
        raise unavailable(f"The worker of {worker.spec.directory} ended unexpectedly")
    if answer.status >= 400:
        raise ApiError(answer.status, msgspec.json.decode(answer.body, type=dict[str, Any]), answer.headers)
    return answer
