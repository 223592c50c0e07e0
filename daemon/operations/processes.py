"""``GET /oad/processes``: who runs what, since when, and what it takes."""

import os
import time
from collections import defaultdict
from typing import Final

from oad import __version__
from oad.contract.activity import Activity, ProcessActivity, SessionActivity, SessionState
from oad.contract.redact import KNOWN
from oad.contract.session import Session
from oad.link import Answer

from ..process_usage import TICKS
from ..telemetry.processes import Label, Look, Seen, kind_of
from ..telemetry.states import States
from .context import Operation, Request, Services, json_answer


async def list_processes(request: Request) -> Answer:
    services = request.services
    look = await services.processes.look()
    states = States(services.supervisor, services.turns, services.asks, services.turnstile.statuses())
    of_session: dict[str, list[Seen]] = defaultdict(list)
    for seen in look.processes:
        of_session[seen.label.session].append(seen)
    sessions = [
        _show_session(services, services.sessions.find(id), state, of_session[id])
        for id, state in states.active()
        if services.sessions.exists(id)
    ]
    return json_answer(
        Activity(
            time=round(look.at * 1000),
            version=__version__,
            started=round(services.tally.started * 1000),
            cpus=os.cpu_count() or 1,
            stored=max(services.sessions.total - len(sessions), 0),
            sessions=sessions,
            processes=_show_all(look),
        )
    )


def _show_session(services: Services, session: Session, state: SessionState, processes: list[Seen]) -> SessionActivity:
    tokens, model = session.tokens, session.model
    asks = [*services.asks.listing("permission", session=session.id)]
    asks += services.asks.listing("question", session=session.id)
    return SessionActivity(
        id=session.id,
        title=session.title,
        directory=session.directory,
        state=state,
        created=session.time.created,
        updated=session.time.updated,
        tokens=tokens.input + tokens.output + tokens.reasoning if tokens is not None else 0,
        cost=session.cost or 0.0,
        asks=len(asks),
        processes=len(processes),
        cpu_s=round(sum(_cpu(seen) for seen in processes) / TICKS, 2),
        memory_bytes=sum(seen.memory_bytes for seen in processes),
        busy_s=services.tally.busy_s(session.id),
        parent_id=session.parent_id,
        agent=session.agent,
        model=f"{model.provider_id}/{model.id}" if model is not None else None,
    )


def _cpu(seen: Seen) -> int:
    """In a session's tree whatever ends is waited for by somebody in it; the worker starts nothing."""
    return seen.cpu + seen.waited


def _show_all(look: Look) -> list[ProcessActivity]:
    # Start times are counted from boot.
    boot_ms = (time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)) * 1000
    return [_show(seen, boot_ms) for seen in sorted(look.processes, key=lambda seen: (seen.start, seen.pid))]


def _show(seen: Seen, boot_ms: float) -> ProcessActivity:
    label: Label = seen.label
    return ProcessActivity(
        pid=seen.pid,
        parent=seen.parent,
        kind=kind_of(label),
        command=KNOWN.conceal_text(seen.command),
        state=seen.state,
        threads=seen.threads,
        cpu_s=round(seen.cpu / TICKS, 2),
        memory_bytes=seen.memory_bytes,
        started=round(boot_ms + seen.start * 1000 / TICKS),
        name=label.name or None if label.kind != "worker" else None,
        session=label.session or None,
        directory=label.directory or None,
    )


PROCESSES: Final[dict[str, Operation]] = {"oad.processes": list_processes}
