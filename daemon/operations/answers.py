"""Pending permission requests and questions: list and answer them."""

from typing import Final

from oad.contract.errors import bad_request
from oad.contract.permission import Answer as Reply
from oad.contract.prompt import PermissionReply, PermissionResponse, QuestionReply
from oad.link import Answer

from .context import TRUE, Operation, Request, json_answer

# Also the words of older clients.
_REPLIES: Final[dict[str, Reply]] = {
    "once": "once", "always": "always", "reject": "reject", "allow": "once", "deny": "reject",
}  # fmt: skip


async def list_permissions(request: Request) -> Answer:
    return json_answer(request.services.asks.listing("permission", request.params["directory"]))


async def list_session_permissions(request: Request) -> Answer:
    session = request.services.sessions.find(request.params["sessionID"])
    return json_answer(request.services.asks.listing("permission", session=session.id))


async def reply_permission(request: Request) -> Answer:
    wanted: PermissionReply = request.decode(PermissionReply)
    request.services.asks.reply_permission(request.params["requestID"], _reply(wanted.reply), wanted.message)
    return TRUE


async def respond_permission(request: Request) -> Answer:
    """The deprecated route of a session."""
    wanted: PermissionResponse = request.decode(PermissionResponse)
    reply = _reply(wanted.response)
    if wanted.remember and reply == "once":
        reply = "always"
    request.services.sessions.find(request.params["sessionID"])
    request.services.asks.reply_permission(request.params["permissionID"], reply, None)
    return TRUE


def _reply(word: str) -> Reply:
    if word not in _REPLIES:
        raise bad_request(f'Expected "once" | "always" | "reject", got "{word}"')
    return _REPLIES[word]


async def list_questions(request: Request) -> Answer:
    return json_answer(request.services.asks.listing("question", request.params["directory"]))


async def reply_question(request: Request) -> Answer:
    wanted: QuestionReply = request.decode(QuestionReply)
    request.services.asks.reply_question(request.params["requestID"], _per_question(wanted.answers))
    return TRUE


def _per_question(answers: list[list[str] | str]) -> list[list[str]]:
    """A flat list of labels is one answer per question."""
    return [[answer] if isinstance(answer, str) else answer for answer in answers]


async def reject_question(request: Request) -> Answer:
    request.services.asks.reject_question(request.params["requestID"])
    return TRUE


ANSWERS: Final[dict[str, Operation]] = {
    "permission.list": list_permissions,
    "session.permissions": list_session_permissions,
    "permission.reply": reply_permission,
    "permission.respond": respond_permission,
    "question.list": list_questions,
    "question.reply": reply_question,
    "question.reject": reject_question,
}
