"""What a model's stream means for a message: a pure machine from provider events to changes of parts.

It does no input or output and knows no clock but the one it is given. Running the calls, publishing, and pricing are
its caller's job.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from oad.contract.message import (
    PartTime,
    ReasoningPart,
    StepStartPart,
    TextPart,
    ToolPart,
    ToolPending,
)

from ..providers.model import (
    ProviderEvent,
    ReasoningDelta,
    ReasoningEnd,
    ReasoningStart,
    StepFinish,
    TextDelta,
    TextEnd,
    TextStart,
    ToolInputDelta,
    ToolInputEnd,
    ToolInputStart,
)

StreamPart = TextPart | ReasoningPart | ToolPart | StepStartPart


class Write(msgspec.Struct, frozen=True):
    """The part is as given from now on; store it."""

    part: StreamPart


class Delta(msgspec.Struct, frozen=True):
    """Text was added to a part. ``part`` is what it was when it was opened."""

    part: TextPart | ReasoningPart
    text: str


class Call(msgspec.Struct, frozen=True):
    """The model finished writing a call: run it. ``raw`` is the JSON of its arguments, unparsed."""

    part: ToolPart
    raw: str


class Finish(msgspec.Struct, frozen=True):
    """The stream is over. ``calls`` tells whether the step contains calls."""

    finish: StepFinish
    calls: bool


Effect = Write | Delta | Call | Finish


class Reducer:
    """One attempt at one step of a turn."""

    def __init__(
        self, session_id: str, message_id: str, *, mint: Callable[[str], str], clock: Callable[[], int]
    ) -> None:
        self._ids: dict[str, Any] = {"session_id": session_id, "message_id": message_id}
        self._mint = mint
        self._clock = clock
        self._begun = False
        self._open: dict[tuple[bool, str], tuple[TextPart | ReasoningPart, list[str]]] = {}
        self._tools: dict[str, ToolPart] = {}
        self.called = False

    def feed(self, event: ProviderEvent) -> list[Effect]:
        """The consequences of one event, in order."""
        return [*self._begin(), *self._take(event)]

    def unfinished(self) -> list[StreamPart]:
        """Text and reasoning parts as they stand when the stream is cut, closed at this time."""
        return [self._close(key) for key in list(self._open)]

    def _begin(self) -> list[Effect]:
        if self._begun:
            return []
        self._begun = True
        return [Write(StepStartPart(id=self._mint("prt"), **self._ids))]

    def _take(self, event: ProviderEvent) -> list[Effect]:
        match event:
            case TextStart() | ReasoningStart():
                return self._start(event)
            case TextDelta() | ReasoningDelta():
                return self._extend(event)
            case TextEnd():
                return self._end((False, event.id), None)
            case ReasoningEnd():
                return self._end((True, event.id), event.metadata)
            case ToolInputStart():
                return self._start_call(event.id, event.name)
            case ToolInputDelta():
                return []  # the input is shown once it is whole
            case ToolInputEnd():
                return self._end_call(event)
            case StepFinish():
                closed: list[Effect] = [Write(part) for part in self.unfinished()]
                return [*closed, Finish(event, self.called)]

    def _start(self, event: TextStart | ReasoningStart) -> list[Effect]:
        reasoning = isinstance(event, ReasoningStart)
        kind = ReasoningPart if reasoning else TextPart
        part = kind(id=self._mint("prt"), text="", time=PartTime(start=self._clock()), **self._ids)
        earlier = self._end((reasoning, event.id), None)  # a server that uses an id twice without ending the first
        self._open[reasoning, event.id] = (part, [])
        return [*earlier, Write(part)]

    def _extend(self, event: TextDelta | ReasoningDelta) -> list[Effect]:
        effects: list[Effect] = []
        key = (isinstance(event, ReasoningDelta), event.id)
        if key not in self._open:  # a server that sends text without announcing it
            effects += self._start(ReasoningStart(event.id) if key[0] else TextStart(event.id))
        part, texts = self._open[key]
        texts.append(event.text)
        return [*effects, Delta(part, event.text)]

    def _end(self, key: tuple[bool, str], metadata: dict[str, Any] | None) -> list[Effect]:
        return [Write(self._close(key, metadata))] if key in self._open else []

    def _close(self, key: tuple[bool, str], metadata: dict[str, Any] | None = None) -> TextPart | ReasoningPart:
        part, texts = self._open.pop(key)
        start = part.time.start if part.time else self._clock()
        whole = msgspec.structs.replace(part, text="".join(texts), time=PartTime(start=start, end=self._clock()))
        return whole if metadata is None else msgspec.structs.replace(whole, metadata=metadata)

    def _start_call(self, id: str, name: str) -> list[Effect]:
        state = ToolPending(input={}, raw="")
        part = ToolPart(id=self._mint("prt"), call_id=id, tool=name, state=state, **self._ids)
        self._tools[id] = part
        return [Write(part)]

    def _end_call(self, event: ToolInputEnd) -> list[Effect]:
        effects: list[Effect] = [] if event.id in self._tools else self._start_call(event.id, event.name)
        self.called = True
        return [*effects, Call(self._tools[event.id], event.raw)]


def merge_deltas(effects: list[Effect]) -> list[Effect]:
    """Joins neighbouring deltas of one part: what a slow reader gets instead of many small ones."""
    merged: list[Effect] = []
    for effect in effects:
        last = merged[-1] if merged else None
        if isinstance(effect, Delta) and isinstance(last, Delta) and last.part.id == effect.part.id:
            merged[-1] = Delta(last.part, last.text + effect.text)
        else:
            merged.append(effect)
    return merged
