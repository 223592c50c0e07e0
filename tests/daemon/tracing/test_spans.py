from typing import Any

import msgspec
import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, ParentBased, Sampler
from opentelemetry.trace import SpanKind, StatusCode

from oad.contract.session import Session, SessionTime
from oad.contract.trail import Trail
from oad.daemon.tracing.spans import SpanTracer
from oad.daemon.tracing.telemetry import Ids, Provider

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PARENT = f"00-{TRACE}-{SPAN}-01"


class Stage:
    """A tracer whose spans are kept, and a session."""

    def __init__(self, sampler: Sampler = ALWAYS_ON) -> None:
        self.exporter, ids = InMemorySpanExporter(), Ids()
        provider = TracerProvider(id_generator=ids, sampler=ParentBased(sampler))
        provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.tracer = SpanTracer(Provider(provider, ids), lambda: self.now)
        self.now = 10**18
        self.session = Session(
            id="ses_1",
            slug="s",
            project_id="p",
            directory="/d",
            title="secret title",
            version="1",
            time=SessionTime(created=1, updated=1),
        )

    def say(self, type: str, session: str = "ses_1", **properties: Any) -> None:
        self.tracer.observe(type, msgspec.json.encode({"sessionID": session, **properties}), session)

    def status(self, type: str) -> None:
        self.say("session.status", status={"type": type})

    def message(self, id: str, **fields: Any) -> None:
        tokens = {"input": 10, "output": 5, "reasoning": 1, "cache": {"read": 2, "write": 3}}
        info = {
            "id": id,
            "role": "assistant",
            "providerID": "demo",
            "modelID": "m",
            "agent": "build",
            "finish": "stop",
            "cost": 0.5,
            "tokens": tokens,
            "time": {"created": 10**12, "completed": 10**12 + 500},
            **fields,
        }
        self.say("message.updated", info=info)

    def tool(self, id: str, status: str, tool: str = "bash") -> None:
        state = {"status": status, "input": {"command": "secret"}, "time": {"start": 10**12 + 1, "end": 10**12 + 9}}
        self.say("message.part.updated", part={"type": "tool", "id": id, "callID": "c1", "tool": tool, "state": state})

    def spans(self) -> dict[str, ReadableSpan]:
        return {span.name: span for span in self.exporter.get_finished_spans()}


def context(span: ReadableSpan) -> tuple[str, str]:
    assert span.context is not None
    return f"{span.context.trace_id:032x}", f"{span.context.span_id:016x}"


def parent(span: ReadableSpan) -> str:
    return f"{span.parent.span_id:016x}" if span.parent is not None else ""


def test_session_turn_model_call_tool() -> None:
    stage = Stage()
    given = stage.tracer.prepare(stage.session, Trail("req_1"))
    stage.status("busy")
    assert stage.tracer.prepare(stage.session, Trail("req_2")).parent == given.parent, "a prompt that joins the turn"
    stage.message("msg_1", time={"created": 10**12})
    for _ in range(2):
        stage.tool("prt_1", "running")
        stage.tool("prt_1", "completed")
        stage.message("msg_1")
    stage.tool("prt_2", "error", "read")
    stage.message("msg_2")
    stage.say("message.updated", info={"id": "msg_3", "role": "user", "time": {"created": 1}})
    stage.say("message.part.updated", part={"type": "text", "id": "prt_3", "text": "secret"})
    stage.now += 5 * 10**9
    stage.status("idle")
    stage.status("idle")
    stage.tracer.worker_ended("ses_1")
    spans = stage.spans()
    assert [span.name for span in stage.exporter.get_finished_spans()] == [
        "execute_tool bash",
        "chat m",
        "execute_tool read",
        "chat m",
        "turn",
        "session",
    ]
    session, turn, tool, chat = (spans[name] for name in ("session", "turn", "execute_tool bash", "chat m"))
    assert given == Trail("req_1", "00-{}-{}-01".format(*context(turn)))
    assert (parent(session), parent(turn)) == ("", context(session)[1])
    assert parent(tool) == parent(chat) == context(turn)[1]
    assert len({context(span)[0] for span in spans.values()}) == 1
    assert turn.start_time is not None
    assert turn.end_time == turn.start_time + 5 * 10**9
    assert (tool.start_time, tool.end_time) == ((10**12 + 1) * 10**6, (10**12 + 9) * 10**6)
    assert dict(turn.attributes or {}) == {
        "session.id": "ses_1",
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.agent.name": "build",
        "gen_ai.request.model": "m",
        "gen_ai.usage.input_tokens": 30,
        "gen_ai.usage.output_tokens": 12,
        "oad.cost": 1.0,
    }
    assert (chat.attributes or {})["gen_ai.provider.name"] == "demo"
    assert (tool.attributes or {})["gen_ai.tool.name"] == "bash"
    assert tool.status.status_code is StatusCode.UNSET
    assert spans["execute_tool read"].status.status_code is StatusCode.ERROR
    assert "secret" not in "".join(span.to_json() for span in spans.values())


def test_a_request_that_brings_a_trace() -> None:
    stage = Stage()
    given = stage.tracer.prepare(stage.session, Trail("", PARENT))
    stage.status("busy")
    stage.status("idle")
    stage.tracer.close(0)
    turn, session = stage.spans()["turn"], stage.spans()["session"]
    assert (context(turn)[0], parent(turn), turn.kind) == (TRACE, SPAN, SpanKind.SERVER)
    assert given.parent == f"00-{TRACE}-{context(turn)[1]}-01"
    (link,) = turn.links
    assert f"{link.context.span_id:016x}" == context(session)[1]
    assert context(session)[0] != TRACE


@pytest.mark.parametrize(("flags", "sampler"), [("00", ALWAYS_ON), (None, ALWAYS_OFF)])
def test_what_is_not_sampled_is_handed_on_as_such(flags: str | None, sampler: Sampler) -> None:
    stage = Stage(sampler)
    given = stage.tracer.prepare(stage.session, Trail("", f"00-{TRACE}-{SPAN}-{flags}" if flags else ""))
    stage.status("busy")
    stage.tool("prt_1", "completed")
    stage.status("idle")
    assert given.parent.endswith("-00")
    assert stage.spans() == {}


def test_ends_of_turns() -> None:
    for error, aborted, status in (
        ("MessageAbortedError", True, StatusCode.UNSET),
        ("APIError", None, StatusCode.ERROR),
    ):
        stage = Stage()
        stage.tracer.prepare(stage.session, Trail())
        stage.status("busy")
        stage.say("session.error", error={"name": error, "data": {}})
        stage.status("idle")
        turn = stage.spans()["turn"]
        assert turn.status.status_code is status
        assert (turn.attributes or {}).get("oad.aborted") is aborted


def test_a_worker_that_dies_ends_all() -> None:
    stage = Stage()
    stage.status("busy")  # without a call: the session's own
    stage.tracer.worker_ended("ses_1")
    assert stage.spans()["turn"].status.description == "interrupted"
    assert set(stage.spans()) == {"turn", "session"}
    stage.status("idle")
    stage.tool("prt_1", "completed")
    assert len(stage.spans()) == 2


def test_waiting_in_the_queue_is_no_turn() -> None:
    stage = Stage()
    stage.tracer.prepare(stage.session, Trail())
    stage.status("retry")
    stage.status("idle")
    assert stage.spans() == {}


def test_work_that_never_began_leaves_nothing() -> None:
    stage = Stage()
    first = stage.tracer.prepare(stage.session, Trail("", PARENT))
    assert stage.tracer.prepare(stage.session, Trail("", PARENT)) == first
    assert stage.tracer.prepare(stage.session, Trail()).parent.split("-")[1] != TRACE
    stage.tracer.worker_ended("ses_1")
    assert set(stage.spans()) == {"session"}
