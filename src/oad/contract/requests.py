"""Bodies of requests that belong to no session."""

from typing import Any, Literal

import msgspec

from .catalogue import ProjectCommands, ProjectIcon
from .wire_model import WireModel


class LogEntry(WireModel):
    service: str
    level: Literal["debug", "info", "error", "warn"]
    message: str
    extra: dict[str, Any] | None = None


class ProjectUpdate(WireModel):
    name: str | None = None
    icon: ProjectIcon | None = None
    commands: ProjectCommands | None = None


class UpgradeInput(WireModel):
    target: str


class OAuth(WireModel, tag_field="type", tag="oauth"):
    refresh: str
    access: str
    expires: float
    account_id: str | None = msgspec.field(default=None, name="accountId")
    enterprise_url: str | None = None


class ApiAuth(WireModel, tag_field="type", tag="api"):
    key: str
    metadata: dict[str, str] | None = None


class WellKnownAuth(WireModel, tag_field="type", tag="wellknown"):
    key: str
    token: str


Auth = OAuth | ApiAuth | WellKnownAuth
