"""The reads below /api that clients of the unprefixed API make when they start."""

from typing import Any

from oad.contract.files import FileSystemEntry
from oad.contract.wire_model import WireModel

from ..operation import GET, Fixed, Operation, Plain, Target, op
from ..query import TEXT, Choice, Integer, Kind, Text
from .file import ENTRY_TYPE


class LocationProject(WireModel):
    id: str
    directory: str


class LocationInfo(WireModel):
    directory: str
    project: LocationProject


class Located(WireModel):
    """What an answer below /api is about, and its data."""

    location: LocationInfo
    data: Any


class FileSystemEntries(Located):
    data: list[FileSystemEntry]


def _read(name: str, path: str, summary: str, returns: Any = Located, target: Target = "project") -> Operation:
    return op(
        f"v2.{name}",
        GET,
        path,
        returns=returns,
        errors=(404,) if "{" in path else (),
        place="location",
        family="v2",
        target=target,
        summary=summary,
    )


def _files(name: str, path: str, summary: str, returns: Any, /, **query: Kind) -> Operation:
    return op(
        f"v2.fs.{name}",
        GET,
        path,
        returns=returns,
        query=query,
        errors=(400, 404) if name == "read" else (400,),
        place="location",
        family="v2",
        target="project",
        summary=summary,
    )


OPERATIONS: tuple[Operation, ...] = (
    op(
        "v2.health.get",
        GET,
        "/api/health",
        returns=Fixed({"healthy": True}),
        place="none",
        family="v2",
        target="gateway",
        summary="Check server health",
    ),
    _read("location.get", "/api/location", "Get location", LocationInfo),
    _read("agent.list", "/api/agent", "List agents"),
    _read("model.list", "/api/model", "List models"),
    _read("provider.list", "/api/provider", "List providers"),
    _read("provider.get", "/api/provider/{providerID}", "Get provider"),
    _read("integration.get", "/api/integration/{integrationID}", "Get integration"),
    _read("integration.list", "/api/integration", "List integrations"),
    _read("reference.list", "/api/reference", "List references"),
    _read("command.list", "/api/command", "List commands"),
    _read("skill.list", "/api/skill", "List skills"),
    _files("read", "/api/fs/read/*", "Read file", Plain("application/octet-stream")),
    _files("list", "/api/fs/list", "List directory", FileSystemEntries, path=TEXT),
    _files(
        "find",
        "/api/fs/find",
        "Find files",
        FileSystemEntries,
        query=Text(required=True),
        type=ENTRY_TYPE,
        limit=Integer(minimum=1),
    ),
    op(
        "v2.session.list",
        GET,
        "/api/session",
        query={
            "limit": Integer(),
            "order": Choice(("asc", "desc")),
            "search": TEXT,
            "project": TEXT,
            "subpath": TEXT,
            "cursor": TEXT,
        },
        returns=dict[str, Any],
        errors=(400,),
        place="filter",
        family="v2",
        summary="List sessions",
    ),
)
