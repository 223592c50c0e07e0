"""Names of schemas in the document: clients generate code from them, so they are the reference's where it has one."""

from typing import Any, Final

from oad.contract import message, permission, prompt, requests, session

# Our struct's name to the reference's component name.
RENAMED: Final = {
    "AgentInput": "AgentPartInput",
    "FileDiff": "SnapshotFileDiff",
    "FileInput": "FilePartInput",
    "FileStatus": "File",
    "OutputJsonSchema": "OutputFormatJsonSchema",
    "OutputText": "OutputFormatText",
    "PathInfo": "Path",
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
    "OutputFormat": message.OutputFormat,
    "Part": message.Part,
    "PermissionRuleset": list[permission.PermissionRule],
    "SessionStatus": session.SessionStatus,
    "ToolState": message.ToolState,
    "PartInput": prompt.PartInput,
}


def _object(required: dict[str, Any], optional: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"type": "object", "properties": {**required, **(optional or {})}, "required": list(required)}


def _text(*values: str) -> dict[str, Any]:
    return {"type": "string", "enum": list(values)} if values else {"type": "string"}


def _named(name: str, **data: Any) -> dict[str, Any]:
    return _object({"name": _text(name), "data": _object({"message": _text()}, data)})


def _tagged(tag: str, *fields: str, **optional: Any) -> dict[str, Any]:
    return _object({"_tag": _text(tag), **{field: _text() for field in fields}}, optional)


_KIND: Final = _text("Params", "Headers", "Query", "Body", "Payload")

ERRORS: Final[dict[str, dict[str, Any]]] = {
    "BadRequestError": _named("BadRequest", kind=_KIND),
    "NotFoundError": _named("NotFoundError"),
    "effect_HttpApiError_BadRequest": _tagged("BadRequest"),
    "InvalidRequestError": _tagged("InvalidRequestError", "message", kind=_text(), field=_text()),
    "PermissionNotFoundError": _tagged("PermissionNotFoundError", "requestID", "message"),
    "ProjectNotFoundError": _tagged("ProjectNotFoundError", "projectID", "message"),
    "ProviderNotFoundError": _tagged("ProviderNotFoundError", "providerID", "message"),
    "QuestionNotFoundError": _tagged("QuestionNotFoundError", "requestID", "message"),
    "SessionBusyError": _tagged("SessionBusyError", "sessionID", "message"),
    "UnauthorizedError": _tagged("UnauthorizedError", "message"),
}

_WORKTREE: Final = (
    "WorktreeNotGitError", "WorktreeNameGenerationFailedError", "WorktreeCreateFailedError",
    "WorktreeStartCommandFailedError", "WorktreeRemoveFailedError", "WorktreeResetFailedError",
    "WorktreeListFailedError",
)  # fmt: skip
ERRORS["WorktreeError"] = _object({"name": _text(*_WORKTREE), "data": _object({"message": _text()})})
ERRORS["VcsApplyError"] = _named("VcsApplyError", reason=_text("non-git", "not-clean"))

# What a 400 of an operation, or of all whose names begin like this, may be besides the usual one.
FAILURES: Final = {"vcs.apply": "VcsApplyError", "worktree": "WorktreeError"}

# Which of them an operation's status means, where it is not the usual one.
NOT_FOUND: Final = {
    "permission": "PermissionNotFoundError",
    "question": "QuestionNotFoundError",
    "project": "ProjectNotFoundError",
}
