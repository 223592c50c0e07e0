"""``GET /metrics``: the state of the service in Prometheus' text form."""

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from oad.contract.worker import WORKER_KINDS
from oad.link import Answer

from .context import Operation, Request, Services

if TYPE_CHECKING:
    from prometheus_client import Metric

_FORM: Final = {"content-type": "text/plain; version=0.0.4; charset=utf-8"}


class _Collector:
    def __init__(self, services: Services) -> None:
        self._services = services

    def collect(self) -> "Iterator[Metric]":
        # Here, since a daemon that nobody measures should not pay for the library.
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        tally, supervisor = self._services.tally, self._services.supervisor
        limits = CounterMetricFamily(
            "oad_limit_hits", "Limits of sessions that were reached.", labels=["limit", "action"]
        )
        for labels, count in tally.limits.items():
            limits.add_metric(labels, count)
        yield limits
        yield CounterMetricFamily("oad_aborts", "Turns and sessions that were stopped.", value=tally.aborts)
        asks = CounterMetricFamily("oad_asks", "Questions to people.", labels=["kind"])
        for kind in ("permission", "question"):
            asks.add_metric([kind], tally.asks[kind])
        yield asks
        yield from self._streams()
        living = Counter(worker.spec.kind for worker in supervisor.live())
        workers = GaugeMetricFamily("oad_workers", "Worker processes that live.", labels=["kind"])
        for kind in WORKER_KINDS:
            workers.add_metric([kind], living[kind])
        yield workers
        yield GaugeMetricFamily("oad_sessions", "Sessions in the store.", value=self._services.sessions.total)
        storage = self._services.storage
        yield GaugeMetricFamily("oad_storage_writable", "1 while prompts can be stored.", value=not storage.trouble)
        yield CounterMetricFamily(
            "oad_storage_failures",
            "Times that the journal could not be written.",
            value=self._services.journal.failures,
        )
        if storage.free_mb is not None:
            yield GaugeMetricFamily(
                "oad_storage_free_bytes", "Free space on the disk of the data.", value=storage.free_mb * (1 << 20)
            )
        yield GaugeMetricFamily("oad_turns_running", "Sessions that run a turn.", value=self._running())

    def _streams(self) -> "Iterator[Metric]":
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        listeners = self._services.listeners
        yield GaugeMetricFamily("oad_event_streams", "Event streams that are open.", value=listeners.open)
        yield CounterMetricFamily(
            "oad_event_streams_cut",
            "Event streams that were cut off, their readers being too slow.",
            value=listeners.cut,
        )

    def _running(self) -> int:
        sessions = (worker.spec.name for worker in self._services.supervisor.live() if worker.spec.kind == "session")
        return sum(1 for session in sessions if self._services.turns.busy(session))


async def metrics(request: Request) -> Answer:
    from prometheus_client import CollectorRegistry, generate_latest

    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(request.services))
    return Answer(generate_latest(registry), headers=dict(_FORM))


METRICS: Final[dict[str, Operation]] = {"oad.metrics": metrics}
