"""Pending permission requests and questions: list and answer them."""

from typing import Final

from oad.contract.permission import Answer as Reply
from oad.contract.permission import AnswerWord
from oad.contract.prompt import PermissionReply, PermissionResponse, QuestionReply
from oad.link import Answer

from ..asks import permission_not_found
from .context import TRUE, Operation, Request, json_answer

_OLDER_WORDS: Final[dict[AnswerWord, Reply]] = {"allow": "once", "deny": "reject"}


async def list_permissions(request: Request) -> Answer:
    request.services.listeners.saw(request.params["directory"])
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
    session, id = request.services.sessions.find(request.params["sessionID"]), request.params["permissionID"]
    if request.services.asks.session_of(id) != session.id:
        raise permission_not_found(id)
    request.services.asks.reply_permission(id, reply, None)
    return TRUE


def _reply(word: AnswerWord) -> Reply:
    return _OLDER_WORDS[word] if word == "allow" or word == "deny" else word


async def list_questions(request: Request) -> Answer:
    request.services.listeners.saw(request.params["directory"])
    return json_answer(request.services.asks.listing("question", request.params["directory"]))


async def reply_question(request: Request) -> Answer:
    wanted: QuestionReply = request.decode(QuestionReply)
    asks, id = request.services.asks, request.params["requestID"]
    asks.reply_question(id, _per_question(wanted.answers, len(asks.question(id).questions)))
    return TRUE


def _per_question(answers: list[list[str] | str], questions: int) -> list[list[str]]:
    """A flat list of labels is one answer per question, or several labels for the only one."""
    labels = [answer for answer in answers if isinstance(answer, str)]
    if questions == 1 and len(labels) == len(answers) > 1:
        return [labels]
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
