"""Terminals. What connects to one is a websocket, which ``terminal_socket`` serves."""

from typing import Any, Final

from oad.contract.terminal import Pty, PtyConnectToken, PtyCreate, PtyShell, PtyUpdate

from ..operation import DELETE, GET, PATCH, POST, PUT, Family, Method, Operation, Place, op
from ..query import TEXT
from .v2 import Located

_PREFIX: Final = {"ptyID": "pty"}


class LocatedPty(Located):
    data: Pty


class LocatedPtys(Located):
    data: list[Pty]


class LocatedToken(Located):
    data: PtyConnectToken


def _row(name: str, method: Method, path: str, returns: Any, summary: str, **more: Any) -> Operation:
    """As it is below /pty, or, with a name that begins with v2, below /api/pty."""
    v2 = name.startswith("v2.")
    place: Place = "location" if v2 else "directory"
    family: Family = "v2" if v2 else "named"
    path = f"/api/pty{path}" if v2 else f"/pty{path}"
    return op(
        name, method, path, returns=returns, summary=summary, place=place, family=family, prefixes=_PREFIX, **more
    )


def _family(prefix: str, one: Any, many: Any, token: Any, removed: int) -> tuple[Operation, ...]:
    return (
        _row(f"{prefix}pty.list", GET, "", many, "List PTY sessions", errors=(400,)),
        _row(f"{prefix}pty.create", POST, "", one, "Create PTY session", body=PtyCreate, errors=(400, 403, 429)),
        _row(f"{prefix}pty.get", GET, "/{ptyID}", one, "Get PTY session", errors=(400, 404)),
        _row(f"{prefix}pty.update", PUT, "/{ptyID}", one, "Update PTY session", body=PtyUpdate, errors=(400, 404)),
        _row(f"{prefix}pty.remove", DELETE, "/{ptyID}", bool, "Remove PTY session", status=removed, errors=(400, 404)),
        _row(
            f"{prefix}pty.connectToken",
            POST,
            "/{ptyID}/connect-token",
            token,
            "Create PTY WebSocket token",
            errors=(400, 403, 404),
        ),
    )


def _connect(name: str) -> Operation:
    query = {"cursor": TEXT, "ticket": TEXT}
    return _row(
        name, GET, "/{ptyID}/connect", bool, "Connect to PTY session", query=query, errors=(403, 404), target="gateway"
    )


OPERATIONS: tuple[Operation, ...] = (
    op("pty.shells", GET, "/pty/shells", returns=list[PtyShell], errors=(400,), summary="List available shells"),
    _row("pty.patch", PATCH, "/{ptyID}", Pty, "Update PTY session", body=PtyUpdate, errors=(400, 404), extension=True),
    *_family("", Pty, list[Pty], PtyConnectToken, 200),
    *_family("v2.", LocatedPty, LocatedPtys, LocatedToken, 204),
)
SOCKETS: tuple[Operation, ...] = (_connect("pty.connect"), _connect("v2.pty.connect"))
