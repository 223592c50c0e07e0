"""What a language server is told of us at the beginning, and what it is answered when it asks."""

import os
from pathlib import Path
from typing import Any, Final, cast

import msgspec

from .choice import Chosen
from .findings import uri_of
from .table import Place

_Shape = dict[str, Any]

_CAPABILITIES: Final[_Shape] = {
    "window": {"workDoneProgress": True},
    "workspace": {
        "configuration": True,
        "workspaceFolders": True,
        "didChangeWatchedFiles": {"dynamicRegistration": True},
        "symbol": {},
    },
    "textDocument": {
        "synchronization": {"didSave": True},
        "publishDiagnostics": {"versionSupport": True},
    },
}
_NOTHING: Final = frozenset(
    {"client/registerCapability", "client/unregisterCapability", "window/workDoneProgress/create"}
    | {"window/showMessageRequest", "workspace/semanticTokens/refresh", "workspace/inlayHint/refresh"}
    | {"workspace/codeLens/refresh", "workspace/diagnostic/refresh"}
)


class _Item(msgspec.Struct):
    section: str | None = None


class _Items(msgspec.Struct):
    items: list[_Item] = []


_decode: Final = msgspec.json.Decoder(_Items).decode


class Greeting:
    """Looks for the server's ``place`` once. Blocks that long."""

    def __init__(self, chosen: Chosen) -> None:
        self._root = chosen.root
        self._options = self._settings = chosen.server.initialization
        place = chosen.server.place
        found = _find(chosen, place) if place is not None else None
        if place is not None and found is not None:
            self._options = _with(self._options, place.option.split("."), found)
            if place.setting:
                self._settings = _with(self._settings, place.setting.split("."), found)

    def initialize(self) -> _Shape:
        return {
            "processId": None,  # it runs in a PID namespace: ours means nothing there
            "clientInfo": {"name": "oad"},
            "rootPath": self._root,
            "rootUri": uri_of(self._root),
            "workspaceFolders": self._folders(),
            "capabilities": _CAPABILITIES,
            "initializationOptions": self._options,
        }

    def after(self) -> list[tuple[str, _Shape]]:
        """Notifications that follow the server's answer."""
        settings = [("workspace/didChangeConfiguration", {"settings": self._settings})] if self._settings else []
        return [("initialized", {}), *settings]

    def answer(self, method: str, params: msgspec.Raw) -> Any:
        """To a request of the server's. Raises KeyError for one that is not known, msgspec.MsgspecError for a wrong
        one."""
        if method in _NOTHING:
            return None
        if method == "workspace/configuration":
            return [self._setting(item.section) for item in _decode(params).items]
        if method == "workspace/workspaceFolders":
            return self._folders()
        if method == "workspace/applyEdit":
            return {"applied": False, "failureReason": "files are changed by the session's tools only"}
        raise KeyError(method)

    def _folders(self) -> list[_Shape]:
        return [{"name": Path(self._root).name or "/", "uri": uri_of(self._root)}]

    def _setting(self, section: str | None) -> Any:
        found: Any = self._settings
        for name in (section or "").split(".") if section else ():
            found = cast("_Shape", found).get(name) if isinstance(found, dict) else None
        return found


def _find(chosen: Chosen, place: Place) -> str | None:
    paths = [Path(chosen.root) / name for name in place.files]
    if place.beside:
        paths.append(Path(os.path.realpath(chosen.program)).parent / place.beside)
    return next((os.path.normpath(path) for path in paths if path.exists()), None)


def _with(known: _Shape, names: list[str], value: str) -> _Shape:
    """What is configured already stays."""
    name, *rest = names
    if not rest:
        return {name: value, **known}
    inner = known.get(name, {})
    return {**known, name: _with(cast("_Shape", inner), rest, value)} if isinstance(inner, dict) else known
