"""MCP servers that clients have added to directories, while the daemon lives: their workers come and go."""

from typing import Final

import msgspec

from oad.contract.errors import bad_request
from oad.contract.mcp import McpAdded

_MAX_BYTES: Final = 1024 * 1024
_MAX_DIRECTORIES: Final = 1000


class AddedServers:
    def __init__(self) -> None:
        self._lists: dict[str, bytes] = {}
        self._used: set[str] = set()

    def of(self, directory: str) -> bytes:
        """As JSON."""
        return self._lists.get(directory, b"[]")

    def offers(self, directory: str) -> bool:
        """Whether one of them is in use."""
        return directory in self._used

    def keep(self, directory: str, servers: bytes) -> None:
        """Instead of those that were kept. Raises ApiError 400."""
        if len(servers) > _MAX_BYTES or (directory not in self._lists and len(self._lists) >= _MAX_DIRECTORIES):
            raise bad_request("too many MCP servers were added")
        try:
            found = msgspec.json.decode(servers, type=list[McpAdded])
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise bad_request(str(error)) from error
        self.forget(directory)
        if found:
            self._lists[directory] = servers
        if any(not each.stopped for each in found):
            self._used.add(directory)

    def forget(self, directory: str) -> None:
        self._lists.pop(directory, None)
        self._used.discard(directory)
