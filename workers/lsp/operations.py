"""What clients and sessions ask of a directory's language servers."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from oad.contract.errors import bad_request
from oad.contract.language import Touch

from ..link import Answer
from .servers import LanguageServers

Params = dict[str, str]


class LanguageOperations:
    def __init__(self, servers: LanguageServers) -> None:
        self._servers = servers
        self._operations: dict[str, Callable[[Params, bytes], Awaitable[Any]]] = {
            "lsp.status": self._status,
            "find.symbols": self._symbols,
            "lsp.touch": self._touch,
        }

    def serves(self, op: str) -> bool:
        return op in self._operations

    async def handle(self, op: str, params: Params, body: bytes) -> Answer:
        """Raises ApiError."""
        return Answer(msgspec.json.encode(await self._operations[op](params, body)))

    async def _status(self, params: Params, body: bytes) -> Any:
        return self._servers.status()

    async def _symbols(self, params: Params, body: bytes) -> Any:
        return await self._servers.symbols(params.get("query", ""))

    async def _touch(self, params: Params, body: bytes) -> Any:
        try:
            touch = msgspec.json.decode(body, type=Touch)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise bad_request(str(error)) from error
        if touch.wait:
            return await self._servers.touch(touch.files)
        self._servers.touch_soon(touch.files)
        return {}
