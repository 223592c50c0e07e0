"""Sessions, their status, and what belongs to them besides messages."""

from typing import Annotated, Any

import msgspec

from .ids import MessageID, SessionID
from .limits import SessionLimits
from .permission import PermissionRule, ToolReference
from .policy import OnAsk
from .sandbox import SandboxWish
from .wire_model import WireModel


class CacheTokens(WireModel):
    read: int
    write: int


class Tokens(WireModel):
    input: int
    output: int
    reasoning: int
    cache: CacheTokens
    total: int | None = None


class SessionModel(WireModel):
    id: str
    provider_id: str
    variant: str | None = None


class SessionTime(WireModel):
    created: int
    updated: int
    compacting: int | None = None
    archived: int | None = None


class FileDiff(WireModel):
    additions: int
    deletions: int
    file: str | None = None
    patch: str | None = None
    status: str | None = None


class SessionSummary(WireModel):
    additions: int
    deletions: int
    files: int
    diffs: list[FileDiff] | None = None


class SessionRevert(WireModel):
    message_id: str
    part_id: str | None = None
    snapshot: str | None = None
    diff: str | None = None
    problem: str | None = None  # oad's own: why files were not, or not all, put back


class SessionShare(WireModel):
    url: str


class OnAskWish(WireModel, rename=None):
    """How a session's asks are to be met. Of what is absent the operator's policy decides."""

    policy: OnAsk | None = None
    wait_s: Annotated[float, msgspec.Meta(gt=0)] | None = None


class Session(WireModel):
    id: str
    slug: str
    project_id: str
    directory: str
    title: str
    version: str
    time: SessionTime
    workspace_id: str | None = None
    path: str | None = None
    parent_id: str | None = None
    summary: SessionSummary | None = None
    cost: float | None = None
    tokens: Tokens | None = None
    share: SessionShare | None = None
    agent: str | None = None
    model: SessionModel | None = None
    metadata: dict[str, Any] | None = None
    permission: list[PermissionRule] | None = None
    revert: SessionRevert | None = None
    on_ask: OnAskWish | None = None  # oad's own, only where it was asked for
    limits: SessionLimits | None = None  # what was asked for; what holds is answered by session.limits


class ProjectSummary(WireModel):
    id: str
    worktree: str
    name: str | None = None


class GlobalSession(Session):
    """A session in a list over all directories."""

    project: ProjectSummary | None = None


class StatusIdle(WireModel, tag_field="type", tag="idle"):
    pass


class StatusBusy(WireModel, tag_field="type", tag="busy"):
    pass


class StatusRetry(WireModel, tag_field="type", tag="retry"):
    attempt: int
    message: str
    next: int  # milliseconds of wall-clock time


SessionStatus = StatusIdle | StatusBusy | StatusRetry


class Todo(WireModel):
    content: str
    status: str
    priority: str


class QuestionOption(WireModel):
    label: str
    description: str


class QuestionInfo(WireModel):
    question: str
    header: str
    options: list[QuestionOption]
    multiple: bool | None = None
    custom: bool | None = None


class QuestionRequest(WireModel):
    id: str
    session_id: str
    questions: list[QuestionInfo]
    tool: ToolReference | None = None


def no_tokens() -> Tokens:
    """A count in which nothing was used yet."""
    return Tokens(input=0, output=0, reasoning=0, cache=CacheTokens(read=0, write=0))


def add_tokens(a: Tokens, b: Tokens) -> Tokens:
    """The sum; ``total`` is left out, as session records have none."""
    return Tokens(
        input=a.input + b.input,
        output=a.output + b.output,
        reasoning=a.reasoning + b.reasoning,
        cache=CacheTokens(read=a.cache.read + b.cache.read, write=a.cache.write + b.cache.write),
    )


class SessionCreate(WireModel):
    parent_id: SessionID | None = None
    title: str | None = None
    agent: str | None = None
    model: SessionModel | None = None
    metadata: dict[str, Any] | None = None
    permission: list[PermissionRule] | None = None
    on_ask: OnAskWish | None = None
    workspace_id: str | None = None
    sandbox: SandboxWish | None = None
    limits: SessionLimits | None = None


class ArchiveTime(WireModel):
    archived: int | float | None = None


class SessionPatch(WireModel):
    title: str | None = None
    metadata: dict[str, Any] | None = None
    permission: list[PermissionRule] | None = None
    time: ArchiveTime | None = None
    sandbox: SandboxWish | None = None
    on_ask: OnAskWish | None = None
    limits: SessionLimits | None = None


class SessionFork(WireModel):
    message_id: MessageID | None = None


def decode_session(body: bytes) -> Session:
    """A session record from its stored JSON."""
    return msgspec.json.decode(body, type=Session)
