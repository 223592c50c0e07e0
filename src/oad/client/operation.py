"""The operations, each as one request and the type of its answer; both clients send these."""

from typing import Any, Generic, TypeVar
from urllib.parse import quote

import msgspec

from oad.contract.message import MessageWithParts
from oad.contract.permission import Answer, PermissionRequest
from oad.contract.prompt import PermissionReply, PromptInput, QuestionReply
from oad.contract.session import QuestionRequest, Session, SessionCreate, SessionStatus
from oad.contract.session_file import ImportReport

T = TypeVar("T")


class Operation(msgspec.Struct, Generic[T], frozen=True):
    """``returns`` is None for answers without a body, and bytes for those that are taken as they are; a ``body`` of
    bytes is sent as it is. ``takes_long``: until a turn is over."""

    method: str
    path: str
    returns: Any
    body: Any = None
    query: dict[str, str] = {}
    takes_long: bool = False

    def content(self) -> bytes | None:
        if self.body is None or isinstance(self.body, bytes):
            return self.body
        return msgspec.json.encode(self.body)

    def decode(self, body: bytes) -> T:
        """Raises msgspec.DecodeError."""
        if self.returns is None:
            return None  # type: ignore[return-value]
        if self.returns is bytes:
            return body  # type: ignore[return-value]
        answer: T = msgspec.json.decode(body, type=self.returns)
        return answer


def _session(session: str, rest: str = "") -> str:
    return f"/session/{quote(session, safe='')}{rest}"


def create_session(wanted: SessionCreate) -> Operation[Session]:
    return Operation("POST", "/session", Session, wanted)


def list_sessions(query: dict[str, str]) -> Operation[list[Session]]:
    return Operation("GET", "/session", list[Session], query=query)


def get_session(session: str) -> Operation[Session]:
    return Operation("GET", _session(session), Session)


def delete_session(session: str) -> Operation[bool]:
    return Operation("DELETE", _session(session), bool)


def prompt(session: str, wanted: PromptInput) -> Operation[MessageWithParts]:
    return Operation("POST", _session(session, "/message"), MessageWithParts, wanted, takes_long=True)


def prompt_later(session: str, wanted: PromptInput) -> Operation[None]:
    return Operation("POST", _session(session, "/prompt_async"), None, wanted)


def abort(session: str) -> Operation[bool]:
    return Operation("POST", _session(session, "/abort"), bool)


def abort_receipt(session: str) -> Operation[dict[str, Any]]:
    return Operation("GET", _session(session, "/abort"), dict[str, Any])


def list_messages(session: str, query: dict[str, str]) -> Operation[list[MessageWithParts]]:
    return Operation("GET", _session(session, "/message"), list[MessageWithParts], query=query)


def list_statuses() -> Operation[dict[str, SessionStatus]]:
    return Operation("GET", "/session/status", dict[str, SessionStatus])


def list_permissions() -> Operation[list[PermissionRequest]]:
    return Operation("GET", "/permission", list[PermissionRequest])


def reply_permission(request: str, reply: Answer, message: str | None) -> Operation[bool]:
    path = f"/permission/{quote(request, safe='')}/reply"
    return Operation("POST", path, bool, PermissionReply(reply=reply, message=message))


def list_questions() -> Operation[list[QuestionRequest]]:
    return Operation("GET", "/question", list[QuestionRequest])


def reply_question(request: str, answers: list[list[str]]) -> Operation[bool]:
    return Operation("POST", f"/question/{quote(request, safe='')}/reply", bool, QuestionReply(answers=[*answers]))


def reject_question(request: str) -> Operation[bool]:
    return Operation("POST", f"/question/{quote(request, safe='')}/reject", bool)


def export_session(session: str, query: dict[str, str]) -> Operation[bytes]:
    return Operation("GET", _session(session, "/export"), bytes, query=query, takes_long=True)


def import_sessions(body: bytes, query: dict[str, str]) -> Operation[ImportReport]:
    return Operation("POST", "/session/import", ImportReport, body, query, takes_long=True)
