"""OpenTelemetry's own machinery, imported only where traces are wanted: it takes some 15 MB in the daemon.

Spans wait in a queue of 2048 for a thread that exports them. A collector that is dead or slow costs spans, which are
dropped, and never time: ending a span puts it into the queue, whatever becomes of it.
"""

import os
from collections import deque
from typing import Final

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import Tracer

from oad import __version__
from oad.contract.redact import KNOWN
from oad.contract.telemetry import TracingPolicy

_QUEUE: Final = 2048
_BATCH: Final = 256
_EVERY_MS: Final = 2000
_EXPORT_S: Final = 10.0
_HEADERS: Final = "OTEL_EXPORTER_OTLP_HEADERS"


class Ids(RandomIdGenerator):
    """A turn's number is given away before its span begins: workers and programs name it as their parent."""

    def __init__(self) -> None:
        super().__init__()
        self.reserved: deque[int] = deque()  # for the next spans

    def generate_span_id(self) -> int:
        return self.reserved.popleft() if self.reserved else super().generate_span_id()


class Provider:
    def __init__(self, provider: TracerProvider, ids: Ids) -> None:
        self._provider = provider
        self.ids = ids
        self.tracer: Tracer = provider.get_tracer("oad", __version__)

    def close(self, within_s: float) -> None:
        """Without ``shutdown``, which waits for an export that is under way for as long as that takes."""
        self._provider.force_flush(round(within_s * 1000))


def open_provider(policy: TracingPolicy) -> Provider:
    """What the policy leaves open is read from OpenTelemetry's own variables (OTEL_RESOURCE_ATTRIBUTES, …)."""
    KNOWN.learn(part.partition("=")[2].strip() for part in os.environ.get(_HEADERS, "").split(","))
    ids = Ids()
    resource = Resource.create({"service.name": "oad", "service.version": __version__})
    sampler = ParentBased(TraceIdRatioBased(policy.sample))
    provider = TracerProvider(sampler=sampler, resource=resource, id_generator=ids, shutdown_on_exit=False)
    exporter = OTLPSpanExporter(endpoint=policy.endpoint, timeout=_EXPORT_S)
    provider.add_span_processor(
        BatchSpanProcessor(
            exporter,
            max_queue_size=_QUEUE,
            max_export_batch_size=_BATCH,
            schedule_delay_millis=_EVERY_MS,
            export_timeout_millis=_EXPORT_S * 1000,
        )
    )
    return Provider(provider, ids)
