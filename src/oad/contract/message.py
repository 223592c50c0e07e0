"""Messages and their parts."""

from typing import Any

import msgspec

from .session import FileDiff, Tokens
from .wire_model import WireModel


class ModelReference(WireModel):
    provider_id: str
    model_id: str
    variant: str | None = None


class OutputText(WireModel, tag_field="type", tag="text"):
    pass


class OutputJsonSchema(WireModel, tag_field="type", tag="json_schema"):
    schema: dict[str, Any]
    retry_count: int | None = None


OutputFormat = OutputText | OutputJsonSchema


class NamedError(WireModel):
    """An error inside a message or a session.error event."""

    name: str
    data: dict[str, Any]


class CreatedTime(WireModel):
    created: int


class TurnTime(WireModel):
    created: int
    completed: int | None = None


class UserSummary(WireModel):
    diffs: list[FileDiff]
    title: str | None = None
    body: str | None = None


class UserMessage(WireModel, tag_field="role", tag="user"):
    id: str
    session_id: str
    time: CreatedTime
    agent: str
    model: ModelReference
    format: OutputFormat | None = None
    summary: UserSummary | None = None
    system: str | None = None
    tools: dict[str, bool] | None = None


class MessagePath(WireModel):
    cwd: str
    root: str


class AssistantMessage(WireModel, tag_field="role", tag="assistant"):
    id: str
    session_id: str
    parent_id: str
    time: TurnTime
    model_id: str
    provider_id: str
    mode: str
    agent: str
    path: MessagePath
    cost: float
    tokens: Tokens
    error: NamedError | None = None
    summary: bool | None = None
    structured: Any = None
    variant: str | None = None
    finish: str | None = None


Message = UserMessage | AssistantMessage


class PartTime(WireModel):
    start: int
    end: int | None = None


class _Part(WireModel, tag_field="type"):
    id: str
    session_id: str
    message_id: str


class TextPart(_Part, tag="text"):
    text: str
    synthetic: bool | None = None
    ignored: bool | None = None
    time: PartTime | None = None
    metadata: dict[str, Any] | None = None


class ReasoningPart(_Part, tag="reasoning"):
    text: str
    time: PartTime
    metadata: dict[str, Any] | None = None


class SourceText(WireModel):
    value: str
    start: int
    end: int


class FilePart(_Part, tag="file"):
    mime: str
    url: str
    filename: str | None = None
    source: dict[str, Any] | None = None


class AgentPart(_Part, tag="agent"):
    name: str
    source: SourceText | None = None


class SubtaskPart(_Part, tag="subtask"):
    prompt: str
    description: str
    agent: str
    model: ModelReference | None = None
    command: str | None = None


class ToolPending(WireModel, tag_field="status", tag="pending"):
    input: dict[str, Any]
    raw: str


class RunningTime(WireModel):
    start: int


class ToolRunning(WireModel, tag_field="status", tag="running"):
    input: dict[str, Any]
    time: RunningTime
    title: str | None = None
    metadata: dict[str, Any] | None = None


class CompletedTime(WireModel):
    start: int
    end: int
    compacted: int | None = None


class ToolCompleted(WireModel, tag_field="status", tag="completed"):
    input: dict[str, Any]
    output: str
    title: str
    metadata: dict[str, Any]
    time: CompletedTime
    attachments: list[FilePart] | None = None


class ToolError(WireModel, tag_field="status", tag="error"):
    input: dict[str, Any]
    error: str
    time: CompletedTime
    metadata: dict[str, Any] | None = None


ToolState = ToolPending | ToolRunning | ToolCompleted | ToolError


class ToolPart(_Part, tag="tool"):
    call_id: str
    tool: str
    state: ToolState
    metadata: dict[str, Any] | None = None


class StepStartPart(_Part, tag="step-start"):
    snapshot: str | None = None


class StepFinishPart(_Part, tag="step-finish"):
    reason: str
    cost: float
    tokens: Tokens
    snapshot: str | None = None


class SnapshotPart(_Part, tag="snapshot"):
    snapshot: str


class PatchPart(_Part, tag="patch"):
    hash: str
    files: list[str]


class RetryPart(_Part, tag="retry"):
    attempt: int
    error: NamedError
    time: CreatedTime


class CompactionPart(_Part, tag="compaction"):
    auto: bool
    overflow: bool | None = None
    tail_start_id: str | None = msgspec.field(default=None, name="tail_start_id")


Part = (
    TextPart
    | SubtaskPart
    | ReasoningPart
    | FilePart
    | ToolPart
    | StepStartPart
    | StepFinishPart
    | SnapshotPart
    | PatchPart
    | AgentPart
    | RetryPart
    | CompactionPart
)


class MessageWithParts(WireModel):
    info: Message
    parts: list[Part]
