"""What the document says about failures: of each operation which statuses, and with what bodies."""

from typing import Any, Final

from .operation import Operation

_SCHEMAS: Final = "#/components/schemas/"
_RESPONSES: Final = "#/components/responses/"

Json = dict[str, Any]


def _object(required: dict[str, Any], optional: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"type": "object", "properties": {**required, **(optional or {})}, "required": list(required)}


def _text(*values: str) -> dict[str, Any]:
    return {"type": "string", "enum": list(values)} if values else {"type": "string"}


def _named(name: str, **data: Any) -> dict[str, Any]:
    return _object({"name": _text(name), "data": _object({"message": _text()}, data)})


def _tagged(tag: str, *fields: str, **optional: Any) -> dict[str, Any]:
    return _object({"_tag": _text(tag), **{field: _text() for field in fields}}, optional)


_KIND: Final = _text("Params", "Headers", "Query", "Body", "Payload")

_WORKTREE: Final = (
    "WorktreeNotGitError",
    "WorktreeNameGenerationFailedError",
    "WorktreeCreateFailedError",
    "WorktreeStartCommandFailedError",
    "WorktreeRemoveFailedError",
    "WorktreeResetFailedError",
    "WorktreeListFailedError",
)

_LOGIN: Final = (
    "ProviderAuthOauthMissing",
    "ProviderAuthOauthCodeMissing",
    "ProviderAuthOauthCallbackFailed",
    "ProviderAuthValidationFailed",
)
_LOGIN_DATA: Final = {"providerID": _text(), "field": _text(), "message": _text()}
_CONFIGURATION: Final = ("ConfigInvalidError", "ConfigReadOnlyError", "ConfigChangedError")

ERRORS: Final[dict[str, dict[str, Any]]] = {
    "BadRequestError": _named("BadRequest", kind=_KIND),
    "NotFoundError": _named("NotFoundError"),
    "effect_HttpApiError_BadRequest": _tagged("BadRequest"),
    "InvalidRequestError": _tagged("InvalidRequestError", "message", kind=_text(), field=_text()),
    "PermissionNotFoundError": _tagged("PermissionNotFoundError", "requestID", "message"),
    "ProjectNotFoundError": _tagged("ProjectNotFoundError", "projectID", "message"),
    "ProviderNotFoundError": _tagged("ProviderNotFoundError", "providerID", "message"),
    "QuestionNotFoundError": _tagged("QuestionNotFoundError", "requestID", "message"),
    "ForbiddenError": _named("ForbiddenError"),
    "McpServerNotFoundError": _tagged("McpServerNotFoundError", "name", "message"),
    "PtyNotFoundError": _tagged("PtyNotFoundError", "ptyID", "message"),
    "PtyForbiddenError": _tagged("PtyForbiddenError", "message"),
    "ProviderAuthError": _object({"name": _text(*_LOGIN), "data": _object({}, _LOGIN_DATA)}),
    "ConfigError": _object({"name": _text(*_CONFIGURATION), "data": _object({"message": _text()}, {"path": _text()})}),
    "McpError": _named("McpError"),
    "LimitError": _named("LimitError"),
    "McpUnsupportedOAuthError": _object({"error": _text()}),
    "SessionBusyError": _tagged("SessionBusyError", "sessionID", "message"),
    "UnauthorizedError": _tagged("UnauthorizedError", "message"),
    "InvalidCursorError": _tagged("InvalidCursorError", "message"),
    "VcsApplyError": _named("VcsApplyError", reason=_text()),
    "WorktreeError": _object({"name": _text(*_WORKTREE), "data": _object({"message": _text()})}),
    "MoveSessionError": _named("MoveSessionError"),
    "ProjectCopyError": _named("ProjectCopyError", forceRequired={"type": "boolean"}),
    "WorkspaceCreateError": _named("WorkspaceCreateError"),
    "PayloadTooLargeError": _named("PayloadTooLargeError"),
    "UnavailableError": _named("UnavailableError"),
    "TimeoutError": _named("TimeoutError"),
}

# What tells that a request was wrong, by the family of the operation. Which of the two is a matter of where it shows.
_BAD: Final = {
    "named": ("BadRequestError", "effect_HttpApiError_BadRequest"),
    "bare": ("BadRequestError", "effect_HttpApiError_BadRequest"),
    "v2": ("InvalidRequestError",),
}

# Of single operations, beside what is usual.
_SPECIAL: Final = {
    ("vcs.apply", 400): ("VcsApplyError",),
    ("mcp.auth.start", 400): ("McpUnsupportedOAuthError",),
    ("mcp.auth.authenticate", 400): ("McpUnsupportedOAuthError",),
    ("v2.session.list", 400): ("InvalidCursorError",),
    ("provider.oauth.authorize", 400): ("ProviderAuthError",),
    ("provider.oauth.callback", 400): ("ProviderAuthError",),
    ("config.update", 400): ("ConfigError",),
    ("global.config.update", 400): ("ConfigError",),
    ("config.update", 409): ("ConfigError",),
    ("global.config.update", 409): ("ConfigError",),
    ("experimental.controlPlane.moveSession", 400): ("MoveSessionError",),
    ("experimental.workspace.create", 400): ("WorkspaceCreateError",),
    ("v2.projectCopy.create", 400): ("ProjectCopyError",),
    ("v2.projectCopy.remove", 400): ("ProjectCopyError",),
    ("v2.projectCopy.refresh", 400): ("ProjectCopyError",),
    ("worktree.create", 400): ("WorktreeError",),
    ("worktree.remove", 400): ("WorktreeError",),
    ("worktree.reset", 400): ("WorktreeError",),
}

# What is not there, by the resource in the operation's name; where it is something else, it is the usual error.
_ABSENT: Final = {
    "mcp": "McpServerNotFoundError",
    "permission": "PermissionNotFoundError",
    "question": "QuestionNotFoundError",
    "project": "ProjectNotFoundError",
    "provider": "ProviderNotFoundError",
    "pty": "PtyNotFoundError",
}


def _response(description: str, *schemas: str) -> Json:
    named = [{"$ref": _SCHEMAS + schema} for schema in schemas]
    schema = named[0] if len(named) == 1 else {"anyOf": named}
    return {"description": description, "content": {"application/json": {"schema": schema}}}


# What can come from any operation, or from any with a body.
RESPONSES: Final[dict[str, Json]] = {
    "Unauthorized": {"description": "No credential, or a wrong one"},
    "TooLarge": _response("The body is too large", "PayloadTooLargeError"),
    "Unavailable": _response("What would answer is about to start again", "UnavailableError"),
    "Late": _response("It took too long", "TimeoutError"),
}


def failures(operation: Operation) -> Json:
    """Of all statuses but that of success, what the document says."""
    found: Json = {}
    if _can_be_wrong(operation) or 400 in operation.errors:
        found["400"] = _bad_request(operation)
    if operation.scope == "user":
        found["401"] = {"$ref": _RESPONSES + "Unauthorized"}
    for status in operation.errors:
        found |= {} if status == 400 else {str(status): _other(operation, status)}
    if operation.body is not None:
        found["413"] = {"$ref": _RESPONSES + "TooLarge"}
    if operation.target != "gateway":
        found |= {"503": {"$ref": _RESPONSES + "Unavailable"}, "504": {"$ref": _RESPONSES + "Late"}}
    return dict(sorted(found.items()))


def _can_be_wrong(operation: Operation) -> bool:
    asked = (operation.variables, operation.query, operation.additions, operation.body)
    return operation.place != "none" or any(asked)


def _bad_request(operation: Operation) -> Json:
    return _response("Bad request", *_BAD[operation.family], *_SPECIAL.get((operation.name, 400), ()))


def _other(operation: Operation, status: int) -> Json:
    resource = operation.name.removeprefix("v2.").partition(".")[0]
    match status:
        case 404:
            absent = _ABSENT.get(resource)
            return _response("Not found", *([absent] if absent else []), "NotFoundError")
        case 403:
            return _response("Forbidden", *(["PtyForbiddenError"] if resource == "pty" else []), "ForbiddenError")
        case 409:
            return _response("Conflict", *_SPECIAL.get((operation.name, 409), ("SessionBusyError",)))
        case 429:
            return _response("A limit is reached", "LimitError")
        case 502:
            return _response("The server behind it has failed", "McpError")
        case _:
            return _bad_request(operation)
