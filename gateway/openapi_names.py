"""Names of schemas in the document: clients generate code from them, so they are the reference's where it has one."""

from typing import Any, Final

from oad.contract import mcp, message, permission, prompt, requests, session

# Our struct's name to the reference's component name.
RENAMED: Final = {
    "AgentInput": "AgentPartInput",
    "Authorization": "ProviderAuthAuthorization",
    "FileDiff": "SnapshotFileDiff",
    "FileInput": "FilePartInput",
    "FileStatus": "File",
    "McpLocal": "McpLocalConfig",
    "McpOAuth": "McpOAuthConfig",
    "McpRemote": "McpRemoteConfig",
    "OutputJsonSchema": "OutputFormatJsonSchema",
    "OutputText": "OutputFormatText",
    "PathInfo": "Path",
    "PtyConnectToken": "PtyTicketConnectToken",
    "PromptInput": "SessionPromptInput",  # the reference's PromptInput is another thing
    "SourceText": "FilePartSourceText",
    "SubtaskInput": "SubtaskPartInput",
    "TextInput": "TextPartInput",
    "ToolCompleted": "ToolStateCompleted",
    "ToolDescription": "ToolListItem",
    "ToolError": "ToolStateError",
    "ToolPending": "ToolStatePending",
    "ToolRunning": "ToolStateRunning",
}

# Unions and lists that have a name of their own.
ALIASES: Final[dict[str, Any]] = {
    "Auth": requests.Auth,
    "Message": message.Message,
    "MCPStatus": mcp.McpStatus,
    "OutputFormat": message.OutputFormat,
    "Part": message.Part,
    "PermissionRuleset": list[permission.PermissionRule],
    "SessionStatus": session.SessionStatus,
    "ToolState": message.ToolState,
    "PartInput": prompt.PartInput,
}
