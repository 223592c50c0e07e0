"""A worker's side of the link to the daemon, as the rest of the worker sees it."""

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from oad.link import Answer

__all__ = ["Answer", "Handler", "Link"]


Handler = Callable[[str, dict[str, str], bytes], Awaitable[Answer]]
"""Serves one call (operation, parameters, body). Raises ApiError for failures that the client may see."""


class Link(Protocol):
    async def publish(self, type: str, properties: Any, *, durable: bool = True) -> None:
        """Sends an event; ``properties`` is what msgspec encodes as a JSON object. Waits while the daemon is behind."""
        ...

    async def call(self, op: str, params: dict[str, str], body: bytes = b"", *, deadline_s: float = 0.0) -> bytes:
        """Asks the daemon; returns the reply's body. Raises ApiError for a failure status."""
        ...
