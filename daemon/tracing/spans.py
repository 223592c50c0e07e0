"""Spans out of events. A session's span lasts as long as its worker; its turns are below it, or below the span that a
request brought along (``traceparent``), and then linked to it. Model calls and tool calls are below their turn.

No text of anybody's is in a span: no prompt, no answer, no argument, no output.
"""

import time
from collections.abc import Callable, Mapping

import msgspec
from opentelemetry.context import Context
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    Tracer,
    set_span_in_context,
)

from oad.contract.session import Session
from oad.contract.trail import Trail

from . import happenings
from .happenings import Message, Tool
from .telemetry import Provider

Attributes = Mapping[str, str | int | float | bool]
_ABORTED = "MessageAbortedError"


class _Turn:
    """``own`` is its span's context, known before the span; ``parent`` the one that was ``wanted``."""

    def __init__(self, own: SpanContext, parent: SpanContext | None, wanted: str = "") -> None:
        self.own = own
        self.wanted = wanted
        self.parent = parent
        self.span: Span | None = None
        self.told: set[str] = set()  # messages and parts that have their spans
        self.error = ""
        self.totals = {"input": 0, "output": 0}
        self.cost = 0.0


class SpanTracer:
    """Implements Tracer. ``clock`` gives nanoseconds of wall-clock time."""

    def __init__(self, provider: Provider, clock: Callable[[], int] = time.time_ns) -> None:
        self._provider = provider
        self._tracer: Tracer = provider.tracer
        self._clock = clock
        self._sessions: dict[str, Span] = {}
        self._turns: dict[str, _Turn] = {}

    def prepare(self, session: Session, trail: Trail) -> Trail:
        turn = self._turns.get(session.id)
        if turn is None or (turn.span is None and turn.wanted != trail.parent):
            turn = self._turns[session.id] = self._reserve(session, trail.parent)
        return msgspec.structs.replace(trail, parent=_traceparent(turn.own))

    def _reserve(self, session: Session, wanted: str) -> _Turn:
        parent = _context_of(wanted)
        above = parent or self._session_span(session.id, session).get_span_context()
        return _Turn(self._below(above), parent, wanted)

    def _below(self, above: SpanContext) -> SpanContext:
        return SpanContext(above.trace_id, self._provider.ids.generate_span_id(), False, above.trace_flags)

    def _session_span(self, id: str, session: Session | None = None) -> Span:
        span = self._sessions.get(id)
        if span is None:
            attributes: dict[str, str] = {"session.id": id, "gen_ai.conversation.id": id}
            if session is not None:
                attributes["oad.directory"] = session.directory
                attributes |= {"oad.parent_session.id": session.parent_id} if session.parent_id else {}
            span = self._sessions[id] = self._tracer.start_span("session", Context(), attributes=attributes)
        return span

    # --- events ---------------------------------------------------------------------------------------------------

    def observe(self, type: str, properties: bytes, session: str) -> None:
        if type == "session.status":
            self._note_status(session, happenings.status_type(properties))
        elif type == "session.deleted":
            self.worker_ended(session)
        elif (turn := self._turns.get(session)) is None or turn.span is None:
            return
        elif type == "message.updated":
            self._note_message(turn, session, happenings.finished_message(properties))
        elif type == "message.part.updated":
            self._note_tool(turn, session, happenings.finished_tool(properties))
        elif type == "session.error":
            turn.error = happenings.failure(properties) or turn.error

    def _note_status(self, session: str, status: str) -> None:
        """A turn begins with busy: retry is also the state of a session that waits in the queue."""
        turn = self._turns.get(session)
        if status == "idle" and turn is not None and turn.span is not None:
            self._end_turn(session, turn)
        if status != "busy":
            return
        if turn is None:  # nobody has asked for it: a background task of the session itself
            turn = self._turns[session] = _Turn(self._below(self._session_span(session).get_span_context()), None)
        if turn.span is None:
            self._begin_turn(session, turn)

    def _begin_turn(self, session: str, turn: _Turn) -> None:
        root = self._session_span(session)
        self._provider.ids.reserved.append(turn.own.span_id)
        turn.span = self._tracer.start_span(
            "turn",
            set_span_in_context(NonRecordingSpan(turn.parent) if turn.parent is not None else root, Context()),
            kind=SpanKind.SERVER if turn.parent is not None else SpanKind.INTERNAL,
            attributes={"session.id": session, "gen_ai.operation.name": "invoke_agent"},
            links=[Link(root.get_span_context())] if turn.parent is not None else None,
            start_time=self._clock(),
        )

    def _end_turn(self, session: str, turn: _Turn) -> None:
        del self._turns[session]
        assert turn.span is not None
        turn.span.set_attributes(
            {
                "gen_ai.usage.input_tokens": turn.totals["input"],
                "gen_ai.usage.output_tokens": turn.totals["output"],
                "oad.cost": turn.cost,
            }
        )
        _finish(turn.span, turn.error, self._clock())

    def _note_message(self, turn: _Turn, session: str, message: Message | None) -> None:
        if message is None or message.id in turn.told or turn.span is None:
            return
        turn.told.add(message.id)
        turn.totals["input"] += message.tokens.input + message.tokens.cache.read + message.tokens.cache.write
        turn.totals["output"] += message.tokens.output + message.tokens.reasoning
        turn.cost += message.cost
        turn.span.set_attributes({"gen_ai.agent.name": message.agent, "gen_ai.request.model": message.model})
        attributes: Attributes = {
            "session.id": session,
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": message.provider,
            "gen_ai.request.model": message.model,
            "gen_ai.agent.name": message.agent,
            "gen_ai.response.finish_reasons": message.finish,
            "gen_ai.usage.input_tokens": message.tokens.input + message.tokens.cache.read + message.tokens.cache.write,
            "gen_ai.usage.output_tokens": message.tokens.output + message.tokens.reasoning,
            "oad.cost": message.cost,
        }
        error = message.error.name if message.error is not None else ""
        self._add(turn.span, f"chat {message.model}", attributes, (message.time.created, message.time.completed), error)

    def _note_tool(self, turn: _Turn, session: str, tool: Tool | None) -> None:
        if tool is None or tool.id in turn.told or turn.span is None:
            return
        turn.told.add(tool.id)
        attributes: Attributes = {
            "session.id": session,
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": tool.tool,
            "gen_ai.tool.call.id": tool.call,
        }
        times = (tool.state.time.start, tool.state.time.end) if tool.state.time is not None else (0, None)
        error = "ToolError" if tool.state.status == "error" else ""
        self._add(turn.span, f"execute_tool {tool.tool}", attributes, times, error)

    def _add(
        self, turn: Span, name: str, attributes: Attributes, times: tuple[float, float | None], error: str
    ) -> None:
        """A span that is over; ``times`` in milliseconds."""
        start, end = (round(at) * 1_000_000 if at else self._clock() for at in times)
        above = set_span_in_context(turn, Context())
        span = self._tracer.start_span(name, above, attributes=dict(attributes), start_time=start)
        _finish(span, error, max(start, end))

    # --- ends -----------------------------------------------------------------------------------------------------

    def worker_ended(self, session: str) -> None:
        turn = self._turns.pop(session, None)
        if turn is not None and turn.span is not None:
            _finish(turn.span, turn.error or "interrupted", self._clock())
        if (span := self._sessions.pop(session, None)) is not None:
            span.end(self._clock())

    def close(self, within_s: float) -> None:
        for session in list(self._sessions):
            self.worker_ended(session)
        self._provider.close(within_s)


def _finish(span: Span, error: str, at: int) -> None:
    """An abort was wanted, and is no error."""
    if error == _ABORTED:
        span.set_attribute("oad.aborted", True)
    elif error:
        span.set_attribute("error.type", error)
        span.set_status(Status(StatusCode.ERROR, error))
    span.end(at)


def _context_of(traceparent: str) -> SpanContext | None:
    """Of one that has been checked."""
    if not traceparent:
        return None
    _, trace, span, flags = traceparent.split("-")
    return SpanContext(int(trace, 16), int(span, 16), True, TraceFlags(int(flags, 16) & TraceFlags.SAMPLED))


def _traceparent(context: SpanContext) -> str:
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags & TraceFlags.SAMPLED:02x}"
