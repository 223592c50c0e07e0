"""``GET /metrics``: the state of the service in Prometheus' text form."""

import platform
from collections import Counter
from pathlib import Path
from typing import Final

from oad import __version__
from oad.contract.worker import WORKER_KINDS
from oad.link import Answer

from ..gateways import GatewayLink
from ..telemetry.page import MEDIA, Page
from ..telemetry.processes import Look, kind_of
from ..telemetry.states import States
from .context import Operation, Request, Services

_STATES: Final = ("running", "retrying", "waiting", "queued", "idle", "starting", "stored")
_TURNS: Final = ("completed", "aborted", "error")
_ASKS: Final = ("permission", "question")
_TOKENS: Final = ("input", "output", "reasoning", "cache_read", "cache_write")
_KEPT: Final = {True: "yes", False: "no"}


async def metrics(request: Request) -> Answer:
    services, page = request.services, Page()
    look = await services.processes.look()
    page.add("oad_build_info", 1, version=__version__, python=platform.python_version())
    _add_sessions(page, services)
    _add_history(page, services)
    _add_events(page, services)
    page.add("oad_event_streams_cut_total", services.listeners.cut)
    _add_gateways(page, services.gateways.links() if services.gateways is not None else [])
    _add_processes(page, services, look)
    return Answer(page.encode(), headers={"content-type": MEDIA})


def _all(names: tuple[str, ...], counts: Counter[str]) -> dict[str, float]:
    """What never happened is shown too, so that rates can be told from the first time on."""
    return {**dict.fromkeys(names, 0), **counts}


def _add_sessions(page: Page, services: Services) -> None:
    states = States(services.supervisor, services.turns, services.asks, services.turnstile.statuses()).count(
        services.sessions.total
    )
    page.add_all("oad_sessions", _all(_STATES, states))
    page.add("oad_turns_running", states["running"] + states["retrying"] + states["waiting"])
    living = Counter(str(worker.spec.kind) for worker in services.supervisor.live())
    page.add_all("oad_workers", _all(WORKER_KINDS, living))
    page.add_all("oad_asks_open", {kind: len(services.asks.listing(kind)) for kind in _ASKS})


def _add_history(page: Page, services: Services) -> None:
    tally = services.tally
    page.add("oad_start_time_seconds", tally.started)
    page.add_all("oad_turns_total", _all(_TURNS, tally.turns))
    page.add_histogram("oad_turn_seconds", tally.turn_s)
    for kind, histogram in tally.spawn_s.items():
        page.add_histogram("oad_spawn_seconds", histogram, kind=kind)
    page.add_histogram("oad_abort_seconds", tally.abort_s)
    page.add_all("oad_aborts_total", _all(("none", "asked", "broker", "killed"), tally.aborts))
    page.add("oad_abort_survivors_total", tally.survivors)
    page.add_all("oad_restarts_total", _all(tuple(f"{kind}-worker" for kind in WORKER_KINDS), tally.restarts))
    gateways = services.gateways.restarts if services.gateways is not None else 0
    page.add("oad_restarts_total", gateways, process="gateway")
    for (limit, action), count in services.limits.counts.items():
        page.add("oad_limit_hits_total", count, limit=limit, action=action)
    page.add_all("oad_asks_total", _all(_ASKS, tally.asks))
    page.add_all("oad_tokens_total", _all(_TOKENS, tally.tokens))
    page.add("oad_cost_dollars_total", tally.cost)


def _add_events(page: Page, services: Services) -> None:
    journal = services.journal
    page.add_histogram("oad_journal_commit_seconds", journal.commit_s)
    page.add("oad_journal_failing", int(journal.failing is not None))
    page.add("oad_queue_length", services.turnstile.waiting, queue="prompts")
    page.add("oad_queue_length", journal.waiting, queue="journal")
    page.add_all("oad_events_total", {_KEPT[kept]: journal.events[kept] for kept in _KEPT})
    page.add_all("oad_event_bytes_total", {_KEPT[kept]: journal.bytes[kept] for kept in _KEPT})
    page.add("oad_storage_writable", float(not services.storage.trouble))
    page.add("oad_storage_failures_total", journal.failures)
    if services.storage.free_mb is not None:
        page.add("oad_storage_free_bytes", services.storage.free_mb * (1 << 20))
    page.add("oad_store_bytes", _bytes_of(services.store.path))


def _bytes_of(store: Path) -> int:
    files = (store, *(store.with_name(store.name + end) for end in ("-wal", "-shm")))
    return sum(file.stat().st_size for file in files if file.exists())


def _add_gateways(page: Page, links: list[GatewayLink]) -> None:
    page.add("oad_gateways", len(links))
    page.add("oad_queue_length", max((link.lag for link in links), default=0), queue="gateways")
    for link in links:
        said = link.listening
        page.add("oad_event_streams", sum(said.streams.values()), gateway=link.name)
        page.add("oad_event_stream_lag", said.lag, gateway=link.name)


def _add_processes(page: Page, services: Services, look: Look) -> None:
    numbers, memory = Counter[str](), Counter[str]()
    for seen in look.processes:
        numbers[kind_of(seen.label)] += 1
        memory[kind_of(seen.label)] += seen.memory_bytes
    page.add_all("oad_processes", numbers)
    page.add_all("oad_process_memory_bytes", memory)
    page.add_all("oad_process_cpu_seconds_total", services.processes.cpu_s)


METRICS: Final[dict[str, Operation]] = {"oad.metrics": metrics}
