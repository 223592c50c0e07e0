"""The daemon's store of what remote servers have granted, as one server sees it."""

from typing import Any

import msgspec

from oad.contract.redact import KNOWN

from ..link import Link

Entry = dict[str, Any]


class ServerCredentials:
    """A grant belongs to a name and an address: another project's server of the same name never gets it."""

    def __init__(self, link: Link, name: str, url: str) -> None:
        self._link = link
        self._key = {"key": f"{name} {url}"}

    async def read(self) -> Entry:
        """Empty when there is nothing."""
        entry = msgspec.json.decode(await self._link.call("mcp.credential.get", self._key), type=Entry)
        _hide(entry)
        return entry

    async def change(self, **fields: Any) -> None:
        _hide(fields)
        entry = {**await self.read(), **fields}
        body = msgspec.json.encode({name: value for name, value in entry.items() if value is not None})
        await self._link.call("mcp.credential.set", self._key, body)

    async def remove(self) -> None:
        await self._link.call("mcp.credential.remove", self._key)


def _hide(entry: Entry) -> None:
    KNOWN.learn(value for name in ("access", "refresh", "token") if isinstance(value := entry.get(name), str))
