"""What a tool is, and what it is given."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import msgspec

from oad.contract.message import FilePart
from oad.contract.sandbox import UNCONFINED, Confinement

from ..audit import Audit, Unrecorded
from ..exec import Exec

Args = TypeVar("Args", bound=msgspec.Struct)


class ToolArgs(msgspec.Struct, rename="camel", kw_only=True):
    """Arguments as the model writes them: camelCase, unknown keys ignored, null as good as absent."""


class RawArguments(msgspec.Struct, frozen=True):
    """For tools whose schema is somebody else's: whatever object the model writes, as it is."""

    values: dict[str, Any]


class ToolResult(msgspec.Struct):
    """``metadata`` is for clients' drawing, ``output`` for the model."""

    title: str
    output: str
    metadata: dict[str, Any]
    attachments: list[FilePart] | None = None


class ToolFailed(Exception):
    """The call ends as an error part with this text; the turn goes on."""


class Rejected(Exception):
    """A person refused. Without a message the turn ends after this step; with one it goes on. ``reason``: no person
    did, but this."""

    def __init__(self, text: str, *, ends_turn: bool, reason: str | None = None) -> None:
        super().__init__(text)
        self.ends_turn = ends_turn
        self.reason = reason


def unanswered(text: str, reason: str) -> Rejected:
    """The refusal of an ask in a person's place. By policy the model may try something else; where somebody should have
    answered, the next ask would only be waited for again."""
    return Rejected(f'{text} {{"reason":"{reason}"}}', ends_turn=reason != "policy", reason=reason)


class Ask(Protocol):
    async def __call__(
        self, permission: str, patterns: list[str], *, always: list[str], metadata: dict[str, Any]
    ) -> None:
        """Returns when allowed. Raises ToolFailed when a rule denies, Rejected when a person does."""
        ...


def _discard(result: ToolResult) -> None:
    """For callers which close a cancelled call as an error."""


async def _keep_nothing(path: Path) -> None:
    """Where there are no snapshots."""


class ToolContext(msgspec.Struct, frozen=True):
    """One call's surroundings. ``progress`` publishes title and metadata of the running part (volatile, may be merged);
    ``call`` asks the daemon: ``await call(op, params, body)`` returns the reply's body or raises ApiError."""

    session_id: str
    message_id: str
    call_id: str
    agent: str
    directory: Path
    worktree: Path
    scratch: Path  # private to the session; tool output that was truncated is kept here
    exec: Exec
    ask: Ask
    progress: Callable[[str | None, dict[str, Any]], Awaitable[None]]
    publish: Callable[[str, dict[str, Any]], Awaitable[None]]  # an event of this session's directory
    call: Callable[[str, dict[str, str], bytes], Awaitable[bytes]]
    audit: Audit = Unrecorded()
    services: dict[str, Any] = {}  # what single tools need: skills, subagents, settings, files read
    confinement: Confinement = UNCONFINED  # with the agent's profile, which commands run under
    keep: Callable[[Path], Awaitable[None]] = _keep_nothing  # before a file is written: what it was can be put back
    settle: Callable[[ToolResult], None] = _discard  # what a cancelled call has so far: it ends as completed with that


class Tool(Protocol, Generic[Args]):
    """Stateless. ``args`` decodes and validates the model's JSON; its JSON Schema is what the model is shown."""

    name: str
    description: str
    args: type[Args]

    async def run(self, args: Args, context: ToolContext) -> ToolResult: ...


def take_arguments(tool: Tool[Any], input: dict[str, Any]) -> Any:
    """Raises msgspec.ValidationError for what the tool does not take."""
    return RawArguments(input) if tool.args is RawArguments else msgspec.convert(input, tool.args)
