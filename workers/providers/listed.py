"""The operator's catalogue of models, as models.dev writes it: providers, and in each of them models.

What it says of a provider comes before the catalogue that is built in, and configuration before both. A model is read
only when it is asked for: there are thousands, of which a session uses one.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from .settings import ModelSettings

_HIDDEN: Final = frozenset({"deprecated", "alpha"})


class _Head(msgspec.Struct):
    name: str = ""
    npm: str | None = None
    api: str | None = None
    env: tuple[str, ...] = ()
    models: dict[str, msgspec.Raw] = {}


class ListedProvider:
    def __init__(self, head: _Head) -> None:
        self.name = head.name
        self.npm = head.npm
        self.api = head.api
        self.env = head.env
        self._raw = head.models
        self._models: dict[str, ModelSettings | None] = {}

    def model_ids(self) -> list[str]:
        """The newest first. Those that are not for use any more, or not yet, are left out."""
        read = ((name, self.model(name)) for name in self._raw)
        released = {name: m.release_date or "" for name, m in read if m is not None and m.status not in _HIDDEN}
        return sorted(released, key=released.__getitem__, reverse=True)

    def model(self, id: str) -> ModelSettings | None:
        """None also for one whose entry can't be read."""
        if id not in self._models:
            self._models[id] = _read(self._raw[id]) if id in self._raw else None
        return self._models[id]


def _read(raw: msgspec.Raw) -> ModelSettings | None:
    try:
        return msgspec.json.decode(raw, type=ModelSettings)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


class Catalogue:
    """``version`` is the daemon's, empty for none."""

    def __init__(self, version: str = "", content: bytes = b"{}") -> None:
        self.version = version
        self.providers: Mapping[str, ListedProvider] = _providers(content)


def _providers(content: bytes) -> dict[str, ListedProvider]:
    found: dict[str, ListedProvider] = {}
    for id, raw in msgspec.json.decode(content, type=dict[str, msgspec.Raw]).items():
        try:
            found[id] = ListedProvider(msgspec.json.decode(raw, type=_Head))
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue  # one that is written in a way unknown here is as if it were not listed
    return found


NONE: Final = Catalogue()
