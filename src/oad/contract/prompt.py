"""What a client sends to make a session work."""

from typing import Any

import msgspec

from .ids import MessageID, PartID
from .message import ModelReference, OutputFormat, PartTime, SourceText
from .permission import AnswerWord
from .wire_model import WireModel


class TextInput(WireModel, tag_field="type", tag="text"):
    text: str
    id: PartID | None = None
    synthetic: bool | None = None
    ignored: bool | None = None
    time: PartTime | None = None
    metadata: dict[str, Any] | None = None


class FileInput(WireModel, tag_field="type", tag="file"):
    mime: str
    url: str
    id: PartID | None = None
    filename: str | None = None
    source: dict[str, Any] | None = None


class AgentInput(WireModel, tag_field="type", tag="agent"):
    name: str
    id: PartID | None = None
    source: SourceText | None = None


class SubtaskInput(WireModel, tag_field="type", tag="subtask"):
    prompt: str
    description: str
    agent: str
    id: PartID | None = None
    model: ModelReference | None = None
    command: str | None = None


PartInput = TextInput | FileInput | AgentInput | SubtaskInput


class PromptInput(WireModel):
    parts: list[PartInput]
    message_id: MessageID | None = None
    model: ModelReference | None = None
    agent: str | None = None
    no_reply: bool | None = None
    tools: dict[str, bool] | None = None
    format: OutputFormat | None = None
    system: str | None = None
    variant: str | None = None


class ShellInput(WireModel):
    command: str
    agent: str | None = None
    model: ModelReference | None = None
    message_id: MessageID | None = None


class CommandInput(WireModel):
    command: str
    arguments: str
    message_id: MessageID | None = None
    agent: str | None = None
    model: str | None = None  # "provider/model", unlike everywhere else
    variant: str | None = None
    parts: list[FileInput] | None = None


class SummarizeInput(WireModel):
    provider_id: str
    model_id: str
    auto: bool | None = None


class RevertInput(WireModel):
    message_id: MessageID
    part_id: PartID | None = None


class InitInput(WireModel):
    provider_id: str
    model_id: str
    message_id: MessageID


class PermissionReply(WireModel):
    reply: AnswerWord
    message: str | None = None


class PermissionResponse(WireModel):
    response: AnswerWord
    remember: bool | None = None


class QuestionReply(WireModel):
    answers: list[list[str] | str]


def decode_prompt(body: bytes) -> PromptInput:
    """Raises msgspec.ValidationError or msgspec.DecodeError."""
    return msgspec.json.decode(body, type=PromptInput)
