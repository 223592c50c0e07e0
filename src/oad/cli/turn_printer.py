"""How a turn is shown: as text while it comes, or as one JSON object a line."""

import sys
import time
from typing import Any, Final, Protocol

import msgspec

from oad.contract.message import (
    AssistantMessage,
    NamedError,
    Part,
    ReasoningPart,
    StepFinishPart,
    StepStartPart,
    TextPart,
    ToolCompleted,
    ToolError,
    ToolPart,
)

_SHOWN: Final = 160  # characters of a tool's title or error


class TurnPrinter(Protocol):
    def message(self, info: AssistantMessage) -> None: ...
    def delta(self, message_id: str, part_id: str, text: str) -> None: ...
    def part(self, part: Part, raw: msgspec.Raw) -> None:
        """A part in its newest state."""
        ...

    def failed(self, error: NamedError) -> None:
        """May be told twice of the same error."""
        ...

    def close(self) -> None: ...


class TextPrinter:
    """The answer goes to standard output; tool calls and errors go to standard error, coloured on a terminal."""

    def __init__(self) -> None:
        self._answers: set[str] = set()  # ids of messages of the assistant
        self._printed: dict[str, int] = {}  # part id -> characters printed
        self._reasoning: set[str] = set()
        self._reported: set[str] = set()
        self._at_line_start = True
        self._errors: set[str] = set()

    def message(self, info: AssistantMessage) -> None:
        self._answers.add(info.id)

    def delta(self, message_id: str, part_id: str, text: str) -> None:
        if message_id in self._answers and part_id not in self._reasoning:
            self._write(part_id, text)

    def part(self, part: Part, raw: msgspec.Raw) -> None:
        if part.message_id not in self._answers:
            return
        if isinstance(part, ReasoningPart):
            self._reasoning.add(part.id)
        elif isinstance(part, TextPart):
            self._finish(part)
        elif isinstance(part, ToolPart) and part.id not in self._reported:
            self._report(part)

    def _finish(self, part: TextPart) -> None:
        """Whatever of the text has not come as deltas: a stream that broke has none for what it missed."""
        done = part.time is not None and part.time.end is not None
        if done and not part.synthetic:
            self._write(part.id, part.text[self._printed.get(part.id, 0) :])
            self._end_line()

    def _write(self, part_id: str, text: str) -> None:
        if text:
            self._printed[part_id] = self._printed.get(part_id, 0) + len(text)
            self._at_line_start = text.endswith("\n")
            sys.stdout.write(text)
            sys.stdout.flush()

    def _end_line(self) -> None:
        if not self._at_line_start:
            sys.stdout.write("\n")
            sys.stdout.flush()
            self._at_line_start = True

    def _report(self, part: ToolPart) -> None:
        if isinstance(part.state, ToolCompleted):
            self._note(f"| {part.tool}  {_short(part.state.title)}", "dim")
        elif isinstance(part.state, ToolError):
            self._note(f"x {part.tool}  {_short(part.state.error)}", "red")
        else:
            return
        self._reported.add(part.id)

    def failed(self, error: NamedError) -> None:
        text = f"{error.name}: {error.data.get('message', '')}".rstrip(": ")
        if text not in self._errors:
            self._errors.add(text)
            self._note(f"error: {text}", "red")

    def _note(self, text: str, style: str) -> None:
        self._end_line()
        if not sys.stderr.isatty():
            print(text, file=sys.stderr, flush=True)
            return
        from rich.console import Console

        Console(stderr=True).print(text, style=style, markup=False, highlight=False)

    def close(self) -> None:
        self._end_line()


def _short(text: str) -> str:
    line = text.strip().partition("\n")[0]
    return line if len(line) <= _SHOWN else line[: _SHOWN - 1] + "…"


class JsonPrinter:
    """The events and fields of ``opencode run --format json``, each with the part as the server sent it."""

    def __init__(self, session: str) -> None:
        self._session = session
        self._answers: set[str] = set()
        self._errors: set[bytes] = set()

    def message(self, info: AssistantMessage) -> None:
        self._answers.add(info.id)

    def delta(self, message_id: str, part_id: str, text: str) -> None:
        """Only whole parts are events."""

    def part(self, part: Part, raw: msgspec.Raw) -> None:
        kind = _kind_of(part)
        if kind and part.message_id in self._answers:
            self._emit(kind, part=raw)

    def failed(self, error: NamedError) -> None:
        encoded = msgspec.json.encode(error)
        if encoded not in self._errors:
            self._errors.add(encoded)
            self._emit("error", error=error)

    def _emit(self, kind: str, **fields: Any) -> None:
        event = {"type": kind, "timestamp": int(time.time() * 1000), "sessionID": self._session, **fields}
        sys.stdout.write(msgspec.json.encode(event).decode() + "\n")
        sys.stdout.flush()

    def close(self) -> None:
        """Every line is out already."""


def _kind_of(part: Part) -> str:
    """Of an event about the part, empty as long as there is none."""
    if isinstance(part, ToolPart):
        return "tool_use" if isinstance(part.state, ToolCompleted | ToolError) else ""
    if isinstance(part, StepStartPart):
        return "step_start"
    if isinstance(part, StepFinishPart):
        return "step_finish"
    if isinstance(part, TextPart | ReasoningPart) and part.time is not None and part.time.end is not None:
        return "text" if isinstance(part, TextPart) else "reasoning"
    return ""
