"""Traces of a real server, as a collector gets them: OTLP over HTTP, read with OpenTelemetry's own messages."""

import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from .server import Server, until

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PARENT = f"00-{TRACE}-{SPAN}-01"


class Collector:
    """``spans`` by name. ``stuck``: it takes requests and does not answer."""

    def __init__(self) -> None:
        self.spans: dict[str, Any] = {}
        self.resource: dict[str, str] = {}
        self.headers: list[str | None] = []
        self.stuck = threading.Event()
        self.asked = threading.Event()
        self.released = threading.Event()
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                collector.asked.set()
                if collector.stuck.is_set():
                    collector.released.wait(60)
                collector.headers.append(self.headers["x-key"])
                if self.headers["content-encoding"] == "gzip":
                    import gzip

                    body = gzip.decompress(body)
                collector.take(ExportTraceServiceRequest.FromString(body))
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Nothing is to be said."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1/traces"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def take(self, request: ExportTraceServiceRequest) -> None:
        for group in request.resource_spans:
            self.resource = {each.key: each.value.string_value for each in group.resource.attributes}
            for scope in group.scope_spans:
                self.spans |= {span.name: span for span in scope.spans}

    def close(self) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def collector() -> Iterator[Collector]:
    collector = Collector()
    yield collector
    collector.close()


def attributes(span: Any) -> dict[str, Any]:
    return {each.key: each.value.string_value or each.value.int_value for each in span.attributes}


async def test_a_turn_with_a_tool(make_server: Callable[..., Server], collector: Collector) -> None:
    key = "sk-canary-collector-1"
    environment = {"OAD_TRACING_ENDPOINT": collector.url, "OTEL_EXPORTER_OTLP_HEADERS": f"x-key={key}"}
    server = make_server(environment=environment)
    await server.start()
    session = await server.create(title="traced")
    text = "run echo trace $TRACEPARENT key $OTEL_EXPORTER_OTLP_HEADERS."
    async with server.client() as client:
        body = {"parts": [{"type": "text", "text": text}]}
        answer = await client.post(f"/session/{session}/message", json=body, headers={"traceparent": PARENT})
        assert answer.status_code == 200
    assert await server.stop() == 0
    wanted = {"session", "turn", "execute_tool bash", "chat demo"}
    await until(lambda: wanted <= set(collector.spans), "the collector has them")
    spans = collector.spans
    turn, tool = spans["turn"], spans["execute_tool bash"]
    assert (turn.trace_id.hex(), turn.parent_span_id.hex()) == (TRACE, SPAN)
    assert (tool.trace_id, tool.parent_span_id) == (turn.trace_id, turn.span_id)
    assert turn.links[0].span_id == spans["session"].span_id
    assert turn.start_time_unix_nano <= tool.start_time_unix_nano <= tool.end_time_unix_nano <= turn.end_time_unix_nano
    assert attributes(turn)["session.id"] == session
    assert attributes(turn)["gen_ai.usage.output_tokens"] > 0
    assert attributes(tool)["gen_ai.tool.name"] == "bash"
    assert collector.resource["service.name"] == "oad"
    assert set(collector.headers) == {key}
    assert f"trace 00-{TRACE}-{turn.span_id.hex()}-01 key ." in answer.text
    assert key not in server.logged()


async def test_a_dead_collector_delays_nothing(make_server: Callable[..., Server], collector: Collector) -> None:
    collector.stuck.set()
    server = make_server(environment={"OAD_TRACING_ENDPOINT": collector.url})
    await server.start()
    session = await server.create()
    await server.prompt(session, "say hello")
    await until(collector.asked.is_set, "it is asked, and does not answer")
    for _ in range(3):
        began = time.perf_counter()
        await server.prompt(session, "say hello")
        assert time.perf_counter() - began < 10
    began = time.perf_counter()
    assert await server.stop() == 0
    assert time.perf_counter() - began < 15
