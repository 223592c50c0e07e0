"""The reads below /api that clients of the unprefixed API make when they start."""

from typing import Any

from oad.contract.wire_model import WireModel

from ..operation import GET, Fixed, Operation, Target, op
from ..query import TEXT, Choice, Integer


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


def _read(name: str, path: str, summary: str, returns: Any = Located, target: Target = "project") -> Operation:
    return op(f"v2.{name}", GET, path, returns=returns, place="location", family="v2", target=target, summary=summary)


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
