"""Permission requests and questions that wait for a person.

They live here, so that they outlive reconnects, are answered once, and are gone with the turn, the worker or the
session that asked.
"""

from collections.abc import Callable
from typing import Any, Final, Literal

import msgspec

from oad.contract.errors import ApiError, tagged
from oad.contract.permission import Answer, PermissionRequest, PermissionRule, evaluate
from oad.contract.session import QuestionRequest

from .journal import Journal, Place
from .patience import Reason

Settle = Callable[[dict[str, Any] | ApiError], None]
_DISMISSED: Final = "The user dismissed this question"
REFUSALS: Final[dict[Reason, str]] = {
    "policy": "Denied without asking anybody: this session may do only what needs no permission.",
    "timeout": "Denied because nobody answered in time.",
    "unheard": "Denied because no client was connected that could have answered.",
}


class Pending(msgspec.Struct, frozen=True):
    """One ask; ``settle`` answers the worker that waits for it, once."""

    kind: Literal["permission", "question"]
    request: PermissionRequest | QuestionRequest
    place: Place
    settle: Settle
    asking: list[str] = []  # the patterns that a permission request waits for


def permission_not_found(request_id: str) -> ApiError:
    message = f"Permission request not found: {request_id}"
    return tagged(404, "PermissionNotFoundError", requestID=request_id, message=message)


def question_not_found(request_id: str) -> ApiError:
    message = f"Question request not found: {request_id}"
    return tagged(404, "QuestionNotFoundError", requestID=request_id, message=message)


class Asks:
    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._pending: dict[str, Pending] = {}
        self._approved: dict[str, list[PermissionRule]] = {}  # "always", by directory, for the instance's life

    # --- asking ---------------------------------------------------------------------------------------------------

    def ask_permission(self, request: PermissionRequest, asking: list[str], place: Place, settle: Settle) -> None:
        """``asking``: those of the request's patterns that the worker's rules leave open. Raises ApiError 409."""
        approved = self._approved.get(place.directory, [])
        if _covered(request, asking, approved):
            settle({"reply": "once"})
            return
        self._admit(Pending("permission", request, place, settle, asking))
        self._journal.append("permission.asked", request, place)

    def ask_question(self, request: QuestionRequest, place: Place, settle: Settle) -> None:
        self._admit(Pending("question", request, place, settle))
        self._journal.append("question.asked", request, place)

    def _admit(self, pending: Pending) -> None:
        # Ids are the workers' own: one that repeats another's must not take its place.
        if pending.request.id in self._pending:
            raise tagged(409, "DuplicateRequestError", requestID=pending.request.id, message="This id is in use")
        self._pending[pending.request.id] = pending

    def waiting(self) -> set[str]:
        """Sessions that wait for an answer."""
        return {pending.place.session for pending in self._pending.values()}

    def listing(self, kind: str, directory: str | None = None, session: str | None = None) -> list[Any]:
        return [
            p.request
            for p in self._pending.values()
            if p.kind == kind and directory in (None, p.place.directory) and session in (None, p.place.session)
        ]

    def refuse(self, request_id: str, reason: Reason) -> None:
        """Nobody answers it: it is denied, and says why in a way that programs can read. Settled ones stay as they
        are."""
        pending = self._pending.get(request_id)
        if pending is not None and pending.kind == "permission":
            self._settle_permission(pending, "reject", REFUSALS[reason], reason)
        elif pending is not None:
            self._dismiss(pending, reason)

    def allow_once(self, request_id: str) -> None:
        """The policy answers in a person's place. Only permissions can be given that way."""
        pending = self._pending.get(request_id)
        if pending is not None and pending.kind == "permission":
            self._settle_permission(pending, "once", None, "policy")

    # --- answering ------------------------------------------------------------------------------------------------

    def reply_permission(self, request_id: str, reply: Answer, message: str | None) -> None:
        """Raises ApiError 404 for an unknown or settled request."""
        pending = self._pending.get(request_id)
        if pending is None or not isinstance(pending.request, PermissionRequest):
            raise permission_not_found(request_id)
        self._settle_permission(pending, reply, message)
        if reply == "always":
            self._approve(pending.place.directory, pending.request)
        elif reply == "reject":
            for other in self._of(pending.place.session, "permission"):
                self._settle_permission(other, "reject", None)

    def reply_question(self, request_id: str, answers: list[list[str]]) -> None:
        pending = self._question(request_id)
        properties = {"sessionID": pending.place.session, "requestID": request_id, "answers": answers}
        self._journal.append("question.replied", properties, pending.place, full=True)
        del self._pending[request_id]
        pending.settle({"answers": answers})

    def reject_question(self, request_id: str) -> None:
        self._dismiss(self._question(request_id))

    def drop(self, session: str) -> None:
        """Ends every ask of a session whose turn or worker has ended."""
        for pending in self._of(session, "permission"):
            self._settle_permission(pending, "reject", "The turn was aborted")
        for pending in self._of(session, "question"):
            self._dismiss(pending)

    def withdraw(self, request_id: str) -> None:
        """The asker gave up."""
        pending = self._pending.get(request_id)
        if pending is not None and pending.kind == "permission":
            self._settle_permission(pending, "reject", None)
        elif pending is not None:
            self._dismiss(pending)

    def forget_directory(self, directory: str) -> None:
        """The instance of a directory is gone, and with it what was always allowed there."""
        self._approved.pop(directory, None)

    def session_of(self, request_id: str) -> str:
        """Who asked it; empty for an unknown or settled request."""
        pending = self._pending.get(request_id)
        return pending.place.session if pending is not None else ""

    def question(self, request_id: str) -> QuestionRequest:
        """Raises ApiError 404."""
        request = self._question(request_id).request
        assert isinstance(request, QuestionRequest)
        return request

    def _of(self, session: str, kind: str) -> list[Pending]:
        return [p for p in self._pending.values() if p.kind == kind and p.place.session == session]

    def _question(self, request_id: str) -> Pending:
        pending = self._pending.get(request_id)
        if pending is None or pending.kind != "question":
            raise question_not_found(request_id)
        return pending

    def _dismiss(self, pending: Pending, reason: Reason | None = None) -> None:
        why = {"reason": reason} if reason else {}
        properties = {"sessionID": pending.place.session, "requestID": pending.request.id, **why}
        self._journal.append("question.rejected", properties, pending.place, full=True)
        del self._pending[pending.request.id]
        message = REFUSALS[reason] if reason else _DISMISSED
        pending.settle(tagged(409, "QuestionRejectedError", message=message, **why))

    def _settle_permission(
        self, pending: Pending, reply: Answer, message: str | None, reason: Reason | None = None
    ) -> None:
        id = pending.request.id
        why = {"reason": reason} if reason else {}
        properties = {"sessionID": pending.place.session, "requestID": id, "reply": reply, **why}
        self._journal.append("permission.replied", properties, pending.place, full=True)
        del self._pending[id]
        pending.settle({"reply": reply, **({"message": message} if message else {}), **why})

    def _approve(self, directory: str, request: PermissionRequest) -> None:
        rules = self._approved.setdefault(directory, [])
        rules += [PermissionRule(permission=request.permission, pattern=p, action="allow") for p in request.always]
        for other in [p for p in self._pending.values() if p.place.directory == directory]:
            if isinstance(other.request, PermissionRequest) and _covered(other.request, other.asking, rules):
                self._settle_permission(other, "always", None)


def _covered(request: PermissionRequest, asking: list[str], rules: list[PermissionRule]) -> bool:
    return all(evaluate(request.permission, pattern, rules).action == "allow" for pattern in asking)
