"""Terminals: what clients see and ask for, and what the daemon tells the worker of one."""

from typing import Annotated, Literal

import msgspec

from .limits import SessionLimits
from .sandbox import SandboxWish
from .wire_model import WireModel

Span = Annotated[int, msgspec.Meta(gt=0, le=65_535)]  # the kernel keeps them in 16 bits


class PtySize(WireModel):
    rows: Span
    cols: Span


class Pty(WireModel):
    """A terminal, while its program runs. ``pid``: the process on this host with which all of the terminal ends."""

    id: str
    title: str
    command: str
    args: list[str]
    cwd: str
    status: Literal["running", "exited"]
    pid: int
    exit_code: int | None = None


class PtyCreate(WireModel):
    """``sandbox`` and ``size`` are oad's own; a terminal gets the default profile, or less, or as much as may be."""

    command: str | None = None
    args: list[str] | None = None
    cwd: str | None = None
    title: str | None = None
    env: dict[str, str] | None = None
    size: PtySize | None = None
    sandbox: SandboxWish | None = None


class PtyUpdate(WireModel):
    title: str | None = None
    size: PtySize | None = None


class PtyShell(WireModel):
    path: str
    name: str
    acceptable: bool


class PtyConnectToken(WireModel):
    """``expires_in`` in seconds."""

    ticket: str
    expires_in: int = msgspec.field(name="expires_in")


class PtyStart(msgspec.Struct, frozen=True):
    """To a terminal's worker. ``env``: what the client adds; ``cwd`` is absolute."""

    command: str
    args: list[str]
    cwd: str
    env: dict[str, str]
    size: PtySize
    limits: SessionLimits


class PtyExited(WireModel):
    """``exit_code`` is 128 + n for a program that signal n has ended."""

    id: str
    exit_code: int
