"""What belongs to a directory: configuration, models, agents, commands, tools, version control."""

from typing import Any

from oad.contract.catalogue import (
    Agent,
    Command,
    ConfigProviders,
    FormatterStatus,
    LSPStatus,
    PathInfo,
    Project,
    ProjectDirectory,
    ProviderList,
    Skill,
    ToolDescription,
    VcsInfo,
)
from oad.contract.oauth import Authorization, AuthorizeInput, CallbackInput
from oad.contract.requests import LogEntry, ProjectUpdate

from ..operation import GET, PATCH, POST, Fixed, Named, Operation, op
from ..query import Text


def _read(name: str, path: str, returns: Any, summary: str) -> Operation:
    return op(name, GET, path, returns=returns, target="project", summary=summary)


OPERATIONS: tuple[Operation, ...] = (
    _read("config.get", "/config", dict[str, Any], "Get configuration"),
    op(
        "config.update",
        PATCH,
        "/config",
        body=dict[str, Any],
        returns=dict[str, Any],
        errors=(400, 409),
        summary="Update configuration",
    ),
    _read("config.providers", "/config/providers", ConfigProviders, "List config providers"),
    _read("provider.list", "/provider", ProviderList, "List providers"),
    op(
        "provider.auth",
        GET,
        "/provider/auth",
        returns=dict[str, list[dict[str, Any]]],
        summary="Get provider auth methods",
    ),
    op(
        "provider.oauth.authorize",
        POST,
        "/provider/{providerID}/oauth/authorize",
        body=AuthorizeInput,
        returns=Authorization,
        errors=(400,),
        deadline_s=60.0,
        summary="Begin to log in to a provider",
    ),
    op(
        "provider.oauth.callback",
        POST,
        "/provider/{providerID}/oauth/callback",
        body=CallbackInput,
        returns=bool,
        errors=(400,),
        deadline_s=0.0,  # as long as the person takes, who has ten minutes
        summary="Finish a login to a provider",
    ),
    _read("app.agents", "/agent", list[Agent], "List agents"),
    op("app.get", GET, "/app", returns=dict[str, Any], target="project", summary="Get the app", extension=True),
    op(
        "app.modes",
        GET,
        "/mode",
        returns=list[dict[str, Any]],
        target="project",
        summary="List modes, as agents were called",
        extension=True,
    ),
    op(
        "app.init",
        POST,
        "/app/init",
        returns=Fixed(True),
        target="gateway",
        summary="Initialize the app: nothing is to be done",
        extension=True,
    ),
    _read("app.skills", "/skill", list[Skill], "List skills"),
    _read("command.list", "/command", list[Command], "List commands"),
    _read("path.get", "/path", PathInfo, "Get paths"),
    _read("vcs.get", "/vcs", VcsInfo, "Get VCS info"),
    _read("lsp.status", "/lsp", list[LSPStatus], "Get LSP status"),
    _read("formatter.status", "/formatter", list[FormatterStatus], "Get formatter status"),
    _read("tool.ids", "/experimental/tool/ids", Named("ToolIDs", list[str]), "List tool IDs"),
    op(
        "tool.list",
        GET,
        "/experimental/tool",
        query={"provider": Text(required=True), "model": Text(required=True)},
        returns=Named("ToolList", list[ToolDescription]),
        errors=(400,),
        target="project",
        summary="List tools",
    ),
    op("project.list", GET, "/project", returns=list[Project], summary="List all projects"),
    op("project.current", GET, "/project/current", returns=Project, target="project", summary="Get current project"),
    op(
        "project.initGit",
        POST,
        "/project/git/init",
        returns=Project,
        errors=(400,),
        target="project",
        summary="Initialize git repository",
    ),
    op(
        "project.update",
        PATCH,
        "/project/{projectID}",
        body=ProjectUpdate,
        returns=Project,
        errors=(400, 404),
        summary="Update project",
    ),
    op(
        "project.directories",
        GET,
        "/project/{projectID}/directories",
        returns=Named("ProjectDirectories", list[ProjectDirectory]),
        summary="List project directories",
    ),
    op("instance.dispose", POST, "/instance/dispose", returns=bool, summary="Dispose instance"),
    op("app.log", POST, "/log", body=LogEntry, returns=bool, errors=(400,), summary="Write log"),
)
