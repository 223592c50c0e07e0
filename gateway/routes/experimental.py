"""What the reference calls experimental, as far as it is not with what it is about."""

from typing import Final

from oad.contract.experimental import (
    CopyCreateInput,
    CopyName,
    CopyNameInput,
    CopyRemoveInput,
    MoveSessionInput,
    ProjectCopyCopy,
    SwitchOrgInput,
    Workspace,
    WorkspaceCreateInput,
    WorkspaceWarpInput,
)

from ..operation import DELETE, GET, POST, Fixed, Operation, op

_WORKSPACE: Final = "/experimental/workspace"
_COPY: Final = "/experimental/project/{projectID}/copy"
_DEADLINE_S: Final = 900.0  # git on large repositories and slow disks

MOVING: tuple[Operation, ...] = (
    op(
        "experimental.controlPlane.moveSession",
        POST,
        "/experimental/control-plane/move-session",
        body=MoveSessionInput,
        returns=None,
        status=204,
        errors=(400,),
        place="none",
        deadline_s=_DEADLINE_S,
        summary="Move session to another directory of its project",
    ),
    op(
        "experimental.session.background",
        POST,
        "/experimental/session/{sessionID}/background",
        returns=bool,
        errors=(400,),
        summary="Background subagents; none can be",
    ),
)

CONSOLE: tuple[Operation, ...] = (
    op(
        "experimental.console.listOrgs",
        GET,
        "/experimental/console/orgs",
        returns=Fixed({"orgs": []}),
        target="gateway",
        summary="List switchable Console orgs; there are none",
    ),
    op(
        "experimental.console.switchOrg",
        POST,
        "/experimental/console/switch",
        body=SwitchOrgInput,
        returns=bool,
        errors=(400,),
        family="bare",
        summary="Switch active Console org; there are none",
    ),
)

WORKSPACES: tuple[Operation, ...] = (
    op(
        "experimental.workspace.adapter.list",
        GET,
        f"{_WORKSPACE}/adapter",
        returns=Fixed([]),
        target="gateway",
        summary="List workspace adapters; there are none",
    ),
    op(
        "experimental.workspace.create",
        POST,
        _WORKSPACE,
        body=WorkspaceCreateInput,
        returns=Workspace,
        errors=(400,),
        summary="Create workspace; refused, see worktrees",
    ),
    op(
        "experimental.workspace.syncList",
        POST,
        f"{_WORKSPACE}/sync-list",
        returns=None,
        status=204,
        summary="Sync workspace list; there are none",
    ),
    op(
        "experimental.workspace.remove",
        DELETE,
        f"{_WORKSPACE}/{{id}}",
        returns=Workspace | None,
        errors=(400,),
        prefixes={"id": "wrk"},
        summary="Remove workspace; there are none",
    ),
    op(
        "experimental.workspace.warp",
        POST,
        f"{_WORKSPACE}/warp",
        body=WorkspaceWarpInput,
        returns=None,
        status=204,
        errors=(400, 404),
        summary="Warp session out of a workspace",
    ),
)

COPIES: tuple[Operation, ...] = (
    op(
        "v2.projectCopy.create",
        POST,
        _COPY,
        body=CopyCreateInput,
        returns=ProjectCopyCopy,
        errors=(400,),
        place="location",
        family="v2",
        deadline_s=_DEADLINE_S,
        summary="Create project copy: a worktree",
    ),
    op(
        "v2.projectCopy.remove",
        DELETE,
        _COPY,
        body=CopyRemoveInput,
        returns=None,
        status=204,
        errors=(400,),
        place="location",
        family="v2",
        deadline_s=_DEADLINE_S,
        summary="Remove project copy",
    ),
    op(
        "v2.projectCopy.refresh",
        POST,
        f"{_COPY}/refresh",
        returns=None,
        status=204,
        errors=(400,),
        place="location",
        family="v2",
        summary="Refresh list of project copies",
    ),
    op(
        "experimental.projectCopy.generateName",
        POST,
        f"{_COPY}/generate-name",
        body=CopyNameInput,
        body_required=False,
        returns=CopyName,
        errors=(400,),
        summary="Generate project copy name",
    ),
)

OPERATIONS: tuple[Operation, ...] = (*MOVING, *CONSOLE, *WORKSPACES, *COPIES)
