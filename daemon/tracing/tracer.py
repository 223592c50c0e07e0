"""The seam: what is told to whoever makes traces, and the one who makes none."""

import importlib.util
from typing import Final, Protocol

import trio

from oad.contract.session import Session
from oad.contract.telemetry import TracingPolicy
from oad.contract.trail import Trail

_NEEDED: Final = ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http")
_CLOSE_S: Final = 1.5


class TracingUnavailable(Exception):
    """Traces are configured and can't be made; the text says what is missing."""


class Tracer(Protocol):
    def prepare(self, session: Session, trail: Trail) -> Trail:
        """Work for a session has come along ``trail``: on which it is to go on, so that what the worker calls belongs
        to the turn's span."""
        ...

    def observe(self, type: str, properties: bytes, session: str) -> None:
        """Of every event as it is appended to the journal; must not raise."""
        ...

    def worker_ended(self, session: str) -> None:
        """The session has no process any more, and its turn is closed."""
        ...

    def close(self, within_s: float) -> None:
        """Exports what is there, as far as that is possible in the time. Blocks."""
        ...


class NoTracer:
    def prepare(self, session: Session, trail: Trail) -> Trail:
        return trail

    def observe(self, type: str, properties: bytes, session: str) -> None:
        return

    def worker_ended(self, session: str) -> None:
        return

    def close(self, within_s: float) -> None:
        return


def check_tracing(policy: TracingPolicy) -> None:
    """Raises TracingUnavailable."""
    for module in _NEEDED if policy.endpoint else ():
        try:
            found = importlib.util.find_spec(module)
        except ModuleNotFoundError:
            found = None
        if found is None:
            text = f"[tracing] needs OpenTelemetry, and there is no {module}: pip install 'oad[otel]'"
            raise TracingUnavailable(text)


def open_tracer(policy: TracingPolicy) -> Tracer:
    """After ``check_tracing``. Nothing is imported where no traces are wanted."""
    if not policy.endpoint:
        return NoTracer()
    from .spans import SpanTracer
    from .telemetry import open_provider

    return SpanTracer(open_provider(policy))


async def close_tracer(tracer: Tracer) -> None:
    """Waits at most two seconds for a collector; a thread that still waits then is left behind."""
    with trio.move_on_after(_CLOSE_S + 0.5):
        await trio.to_thread.run_sync(tracer.close, _CLOSE_S, abandon_on_cancel=True)
