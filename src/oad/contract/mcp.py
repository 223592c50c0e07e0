"""MCP servers: how they are configured and listed for clients, and what session workers ask of a project's.

The servers of a directory belong to its project worker and are shared by its sessions, whose workers reach them
through the daemon (operations ``mcp.offer``, ``mcp.call``, ``mcp.prompt``, ``mcp.read``)."""

from typing import Annotated, Any, Literal

import msgspec

from .wire_model import WireModel

_Milliseconds = Annotated[int, msgspec.Meta(gt=0)]
_Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]


# --- for clients ------------------------------------------------------------------------------------------------------


class McpOAuth(WireModel):
    client_id: str | None = msgspec.field(default=None, name="clientId")
    client_secret: str | None = msgspec.field(default=None, name="clientSecret")
    scope: str | None = None
    callback_port: _Port | None = msgspec.field(default=None, name="callbackPort")
    redirect_uri: str | None = msgspec.field(default=None, name="redirectUri")


class McpLocal(WireModel, tag_field="type", tag="local"):
    command: list[str]
    cwd: str | None = None
    environment: dict[str, str] | None = None
    enabled: bool | None = None
    timeout: _Milliseconds | None = None


class McpRemote(WireModel, tag_field="type", tag="remote"):
    url: str
    headers: dict[str, str] | None = None
    oauth: McpOAuth | bool | None = None
    enabled: bool | None = None
    timeout: _Milliseconds | None = None


McpConfig = McpLocal | McpRemote


class McpAdd(WireModel):
    name: str
    config: McpConfig


class McpAdded(WireModel):
    """One that a client has added; ``stopped`` since."""

    name: str
    config: McpConfig
    stopped: bool | None = None


class McpCode(WireModel):
    code: str


class MCPStatusConnected(WireModel, tag_field="status", tag="connected"):
    pass


class MCPStatusDisabled(WireModel, tag_field="status", tag="disabled"):
    pass


class MCPStatusFailed(WireModel, tag_field="status", tag="failed"):
    error: str


class MCPStatusNeedsAuth(WireModel, tag_field="status", tag="needs_auth"):
    pass


class MCPStatusNeedsClientRegistration(WireModel, tag_field="status", tag="needs_client_registration"):
    error: str


McpStatus = (
    MCPStatusConnected | MCPStatusDisabled | MCPStatusFailed | MCPStatusNeedsAuth | MCPStatusNeedsClientRegistration
)


class McpAuthStart(WireModel):
    authorization_url: str
    oauth_state: str


class McpAuthRemoved(WireModel):
    success: Literal[True]


class McpResource(WireModel):
    name: str
    uri: str
    client: str
    description: str | None = None
    mime_type: str | None = None


# --- between session and project workers ------------------------------------------------------------------------------


class OfferedTool(WireModel):
    """``name`` is what the model calls it; ``schema`` the JSON Schema of its arguments."""

    name: str
    server: str
    tool: str
    description: str
    schema: dict[str, Any]


class OfferedPrompt(WireModel):
    """``name`` is the command's; ``arguments`` are the names of the prompt's, in order."""

    name: str
    server: str
    prompt: str
    arguments: list[str]
    description: str | None = None


class Offer(WireModel):
    """What the connected servers of a directory have. ``withheld``: why this session gets nothing of it."""

    tools: list[OfferedTool]
    prompts: list[OfferedPrompt]
    withheld: str | None = None


class ToolCall(WireModel):
    server: str
    tool: str
    arguments: dict[str, Any]


class PromptCall(WireModel):
    server: str
    prompt: str
    arguments: dict[str, str]


class ResourceCall(WireModel):
    server: str
    uri: str


class PromptText(WireModel):
    text: str
