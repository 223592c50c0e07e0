"""Bodies of what the reference calls experimental: moving sessions, copies of projects, workspaces, its console."""

from typing import Annotated, Any

import msgspec

from .ids import SessionID
from .wire_model import WireModel

WorkspaceID = Annotated[str, msgspec.Meta(pattern=r"^wrk[A-Za-z0-9_-]{0,125}$")]


class MoveSessionDestination(WireModel):
    directory: str


class MoveSessionInput(WireModel):
    """``move_changes``: with what is not committed in the directory that it leaves."""

    session_id: SessionID
    destination: MoveSessionDestination
    move_changes: bool | None = None


class CopyCreateInput(WireModel):
    """``directory`` is where the client would have it; oad keeps copies at places of its own."""

    strategy: str
    directory: str
    name: str | None = None


class CopyRemoveInput(WireModel):
    directory: str
    force: bool


class ProjectCopyCopy(WireModel):
    directory: str


class CopyNameInput(WireModel):
    context: str | None = None


class CopyName(WireModel):
    name: str


class Workspace(WireModel):
    id: WorkspaceID
    type: str
    name: str
    project_id: str
    time_used: int
    branch: str | None = None
    directory: str | None = None
    extra: Any | None = None


class WorkspaceCreateInput(WireModel):
    type: str
    id: WorkspaceID | None = None
    branch: str | None = None
    extra: Any | None = None


class WorkspaceWarpInput(WireModel):
    id: WorkspaceID | None
    session_id: SessionID
    copy_changes: bool | None = None


class SwitchOrgInput(WireModel):
    account_id: str
    org_id: str
