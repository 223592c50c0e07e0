"""Records as workers and clients would send them."""

from typing import Any

import msgspec

from oad.contract.message import (
    AssistantMessage,
    CompletedTime,
    CreatedTime,
    MessagePath,
    ModelReference,
    Part,
    PartTime,
    ReasoningPart,
    RunningTime,
    TextPart,
    ToolCompleted,
    ToolPart,
    ToolPending,
    ToolRunning,
    TurnTime,
    UserMessage,
)
from oad.contract.permission import PermissionRequest
from oad.contract.session import QuestionInfo, QuestionRequest, Session, SessionTime, no_tokens
from oad.daemon.projection import Recorded


def a_session(id: str = "ses_a", **fields: Any) -> Session:
    known = {
        "id": id, "slug": "calm-otter", "project_id": "global", "directory": "/p", "title": "t", "version": "1",
        "time": SessionTime(created=1, updated=1), "path": "",
    }  # fmt: skip
    return Session(**{**known, **fields})


def a_user(id: str = "msg_1", session: str = "ses_a", created: int = 1) -> UserMessage:
    model = ModelReference(provider_id="p", model_id="m")
    return UserMessage(id=id, session_id=session, time=CreatedTime(created=created), agent="build", model=model)


def an_answer(
    id: str = "msg_2", session: str = "ses_a", created: int = 2, completed: int | None = None, parent: str = "msg_1"
) -> AssistantMessage:
    return AssistantMessage(
        id=id,
        session_id=session,
        parent_id=parent,
        time=TurnTime(created=created, completed=completed),
        model_id="m",
        provider_id="p",
        mode="build",
        agent="build",
        path=MessagePath(cwd="/p", root="/p"),
        cost=0,
        tokens=no_tokens(),
    )


def a_text(
    id: str = "prt_1", message: str = "msg_2", text: str = "", end: int | None = None, session: str = "ses_a"
) -> TextPart:
    return TextPart(id=id, session_id=session, message_id=message, text=text, time=PartTime(start=1, end=end))


def a_thought(id: str, message: str = "msg_2", text: str = "", end: int | None = None) -> ReasoningPart:
    return ReasoningPart(id=id, session_id="ses_a", message_id=message, text=text, time=PartTime(start=1, end=end))


def a_tool(id: str, state: str, message: str = "msg_2", session: str = "ses_a") -> ToolPart:
    states = {
        "pending": ToolPending(input={}, raw=""),
        "running": ToolRunning(input={"command": "x"}, time=RunningTime(start=1), metadata={"output": "so far"}),
        "completed": ToolCompleted(input={}, output="o", title="", metadata={}, time=CompletedTime(start=1, end=2)),
    }
    return ToolPart(id=id, session_id=session, message_id=message, call_id="c", tool="bash", state=states[state])


def a_permission(id: str = "per_1", session: str = "ses_a", *patterns: str, always: list[str] | None = None) -> Any:
    return PermissionRequest(
        id=id, session_id=session, permission="bash", patterns=list(patterns or ("ls",)), metadata={},
        always=always if always is not None else ["ls *"],
    )  # fmt: skip


def a_question(id: str = "que_1", session: str = "ses_a", count: int = 1) -> QuestionRequest:
    info = QuestionInfo(question="?", header="h", options=[])
    return QuestionRequest(id=id, session_id=session, questions=[info] * count)


def of_session(info: Session) -> dict[str, Any]:
    return {"sessionID": info.id, "info": info}


def of_message(info: UserMessage | AssistantMessage) -> dict[str, Any]:
    return {"sessionID": info.session_id, "info": info}


def of_part(part: Part) -> dict[str, Any]:
    return {"sessionID": part.session_id, "part": part, "time": 1}


class Recorder:
    """Numbers events as the journal does."""

    def __init__(self) -> None:
        self._seq = 0

    def __call__(self, type: str, properties: Any, session: str = "ses_a", directory: str = "/p") -> Recorded:
        self._seq += 1
        return Recorded(
            seq=self._seq,
            id=f"evt_{self._seq}",
            type=type,
            directory=directory,
            project="global",
            session=session,
            aggregate_seq=self._seq if session else 0,
            properties=msgspec.json.encode(properties),
        )
