"""Terminals. What connects to one is a websocket, which ``terminal_socket`` serves."""

from oad.contract.terminal import Pty, PtyConnectToken, PtyCreate, PtyShell, PtyUpdate

from ..operation import DELETE, GET, POST, PUT, Operation, op
from ..query import TEXT

_ONE = "/pty/{ptyID}"
_PREFIX = {"ptyID": "pty"}

OPERATIONS: tuple[Operation, ...] = (
    op("pty.shells", GET, "/pty/shells", returns=list[PtyShell], errors=(400,), summary="List available shells"),
    op("pty.list", GET, "/pty", returns=list[Pty], errors=(400,), summary="List PTY sessions"),
    op(
        "pty.create",
        POST,
        "/pty",
        body=PtyCreate,
        returns=Pty,
        errors=(400, 403, 429),
        summary="Create PTY session",
    ),
    op("pty.get", GET, _ONE, returns=Pty, errors=(400, 404), prefixes=_PREFIX, summary="Get PTY session"),
    op(
        "pty.update",
        PUT,
        _ONE,
        body=PtyUpdate,
        returns=Pty,
        errors=(400, 404),
        prefixes=_PREFIX,
        summary="Update PTY session",
    ),
    op("pty.remove", DELETE, _ONE, returns=bool, errors=(400, 404), prefixes=_PREFIX, summary="Remove PTY session"),
    op(
        "pty.connectToken",
        POST,
        f"{_ONE}/connect-token",
        returns=PtyConnectToken,
        errors=(400, 403, 404),
        prefixes=_PREFIX,
        summary="Create PTY WebSocket token",
    ),
)

CONNECT: Operation = op(
    "pty.connect",
    GET,
    f"{_ONE}/connect",
    query={"cursor": TEXT, "ticket": TEXT},
    returns=bool,
    errors=(403, 404),
    target="gateway",
    prefixes=_PREFIX,
    summary="Connect to PTY session",
)
