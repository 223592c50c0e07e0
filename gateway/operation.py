"""One row per operation of the API. From it come the route, the checks, the call to the daemon and the document."""

import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, Literal

import msgspec

from .query import Kind

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
Target = Literal["daemon", "session", "project", "gateway"]
Scope = Literal["open", "user"]
Place = Literal["none", "directory", "location", "filter"]
Family = Literal["named", "bare", "v2"]

GET: Final = "GET"
POST: Final = "POST"
PUT: Final = "PUT"
PATCH: Final = "PATCH"
DELETE: Final = "DELETE"

# What an identifier in a path must start with. Those of other kinds (names of providers, of servers) are free.
PREFIXES: Final = {"sessionID": "ses", "messageID": "msg", "partID": "prt", "permissionID": "per"}
_VARIABLE: Final = re.compile(r"{(\w+)}")


class Fixed(msgspec.Struct, frozen=True):
    """An answer that is always the same."""

    value: Any


class Named(msgspec.Struct, frozen=True):
    """A type which the document lists under a name."""

    name: str
    type: Any


class Plain(msgspec.Struct, frozen=True):
    """An answer that is not JSON; the one who answers names the type, which may be more precise than ``media``."""

    media: str


class Streamed(msgspec.Struct, frozen=True):
    """Server-sent events, of the component of that name; such rows are served beside the table's other operations."""

    component: str


@dataclass(frozen=True)
class Operation:
    """``name`` is the reference's operationId and the name of the call to the daemon.

    ``target``: who carries it out behind the daemon's router. ``place``: where the directory is named: by ``directory``
    (query, or header), by ``location[directory]``, not at all, or only to narrow a list. ``family``: which error bodies
    its clients know.
    ``deadline_s``: 0 for what takes as long as it takes.
    """

    name: str
    method: Method
    path: str
    query: dict[str, Kind]
    body: Any
    body_required: bool
    returns: Any
    errors: tuple[int, ...]
    target: Target
    status: int
    scope: Scope
    place: Place
    family: Family
    deadline_s: float
    summary: str
    prefixes: dict[str, str] = field(default_factory=dict[str, str])
    extension: bool = False  # ours, not the reference's
    additions: dict[str, Kind] = field(default_factory=dict[str, Kind])  # query parameters that only we have
    formats: tuple[str, ...] = ()  # media types besides JSON that a client may accept; passed on as ``format``
    body_times: int = 1  # how many times the size of other bodies its own may have

    @cached_property
    def variables(self) -> tuple[str, ...]:
        return tuple(_VARIABLE.findall(self.path))

    @cached_property
    def watched(self) -> bool:
        """Given up when its client goes: what a directory's worker looks up, and reads that wait for as long as it
        takes. The daemon's other answers are too quick for it to matter, and a session's turn goes on by itself."""
        return self.target == "project" or (self.method == GET and not self.deadline_s)

    @cached_property
    def decoder(self) -> msgspec.json.Decoder[Any]:
        return msgspec.json.Decoder(self.body)


def op(
    name: str,
    method: Method,
    path: str,
    *,
    returns: Any,
    summary: str,
    query: dict[str, Kind] | None = None,
    body: Any = None,
    body_required: bool = True,
    errors: tuple[int, ...] = (),
    target: Target = "daemon",
    status: int = 200,
    scope: Scope = "user",
    place: Place = "directory",
    family: Family = "named",
    deadline_s: float = 30.0,
    prefixes: dict[str, str] | None = None,
    extension: bool = False,
    additions: dict[str, Kind] | None = None,
    formats: tuple[str, ...] = (),
    body_times: int = 1,
) -> Operation:
    """A row of a table; what most rows have in common is the default."""
    return Operation(
        name=name,
        method=method,
        path=path,
        query=query or {},
        body=body,
        body_required=body_required,
        returns=returns,
        errors=errors,
        target=target,
        status=status,
        scope=scope,
        place=place,
        family=family,
        deadline_s=deadline_s,
        summary=summary,
        prefixes={**PREFIXES, **(prefixes or {})},
        extension=extension,
        additions=additions or {},
        formats=formats,
        body_times=body_times,
    )
