"""Permissions and questions."""

from oad.contract.permission import PermissionRequest
from oad.contract.prompt import PermissionReply, PermissionResponse, QuestionReply
from oad.contract.session import QuestionRequest

from ..operation import GET, POST, Operation, op

OPERATIONS: tuple[Operation, ...] = (
    op("permission.list", GET, "/permission", returns=list[PermissionRequest], summary="List pending permissions"),
    op(
        "permission.reply",
        POST,
        "/permission/{requestID}/reply",
        body=PermissionReply,
        returns=bool,
        errors=(400, 404),
        prefixes={"requestID": "per"},
        summary="Respond to permission request",
    ),
    op(
        "permission.respond",
        POST,
        "/session/{sessionID}/permissions/{permissionID}",
        body=PermissionResponse,
        returns=bool,
        errors=(400, 404),
        summary="Respond to permission (deprecated)",
    ),
    op("question.list", GET, "/question", returns=list[QuestionRequest], summary="List pending questions"),
    op(
        "question.reply",
        POST,
        "/question/{requestID}/reply",
        body=QuestionReply,
        returns=bool,
        errors=(400, 404),
        prefixes={"requestID": "que"},
        summary="Reply to question request",
    ),
    op(
        "question.reject",
        POST,
        "/question/{requestID}/reject",
        returns=bool,
        errors=(400, 404),
        prefixes={"requestID": "que"},
        summary="Reject question request",
    ),
)
