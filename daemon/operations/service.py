"""The service itself: health, replay of events, credentials, clients' log lines, and the end of an instance."""

from typing import Any, Final

import msgspec
import structlog

from oad import API_VERSION
from oad.contract.errors import bad_request, named
from oad.contract.ids import is_harmless
from oad.contract.wire_model import WireModel
from oad.link import Answer

from ..journal import INTERNAL_PREFIX, Place, as_published
from .context import TRUE, Operation, Request, json_answer

_client_log = structlog.get_logger("oad.client")
_PAGE: Final = 500
_LEVELS: Final = {"debug", "info", "warn", "error"}


async def health(request: Request) -> Answer:
    return json_answer({"healthy": True, "version": API_VERSION})


async def ready(request: Request) -> Answer:
    """200 while prompts can be taken: the journal is writable and workers can be forked."""
    failing = request.services.journal.failing
    if failing is not None:
        raise named(503, "NotReadyError", message=f"The store can't be written: {failing}")
    return json_answer({"ready": True, "version": API_VERSION})


class ReplayedEvent(msgspec.Struct):
    seq: int
    id: str
    type: str
    directory: str
    project: str
    session: str
    aggregateSeq: int  # noqa: N815  as on the wire
    event: msgspec.Raw


async def replay_events(request: Request) -> Answer:
    """Durable events after a number, in order: ``{"complete", "last", "more", "events": […]}``.

    ``complete`` is false when events after that number are no longer kept; ``more`` that the page is full."""
    store = request.services.store
    await request.services.journal.settled()
    after = int(request.params["after"])
    records = store.events_after(after, _PAGE, request.params.get("onlyDirectory"))
    events = [
        ReplayedEvent(e.seq, e.id, e.type, e.directory, e.project, e.session, e.aggregate_seq, msgspec.Raw(e.body))
        for e in (as_published(r) for r in records if not r.type.startswith(INTERNAL_PREFIX))
    ]
    last = records[-1].seq if records else max(after, request.services.journal.committed_seq)
    complete = after >= store.first_seq() - 1 and after <= request.services.journal.last_seq
    return json_answer({"complete": complete, "last": last, "more": len(records) == _PAGE, "events": events})


async def set_credentials(request: Request) -> Answer:
    entry: dict[str, Any] = request.decode(dict)
    required = {"api": ("key",), "oauth": ("refresh", "access", "expires"), "wellknown": ("key", "token")}
    fields = required.get(str(entry.get("type")))
    if fields is None:
        raise bad_request('Expected "api" | "oauth" | "wellknown"\n  at ["type"]')
    for field in fields:
        if field not in entry:
            raise bad_request(f'Missing key\n  at ["{field}"]')
    request.services.credentials.set(_provider(request), entry)
    await request.services.supervisor.refresh_credentials()
    return TRUE


async def remove_credentials(request: Request) -> Answer:
    request.services.credentials.remove(_provider(request))
    await request.services.supervisor.refresh_credentials()
    return TRUE


def _provider(request: Request) -> str:
    provider = request.params["providerID"]
    if not is_harmless(provider.replace(".", "-")):
        raise bad_request("A provider id has letters, digits, dots, dashes and underscores only", "Params")
    return provider


class LogLine(WireModel):
    service: str
    level: str
    message: str
    extra: dict[str, Any] | None = None


async def write_log(request: Request) -> Answer:
    line: LogLine = request.decode(LogLine)
    if line.level not in _LEVELS:
        raise bad_request('Expected "debug" | "info" | "error" | "warn"\n  at ["level"]')
    level = {"warn": "warning"}.get(line.level, line.level)
    getattr(_client_log, level)(line.message, service=line.service, extra=line.extra)
    return TRUE


async def dispose_instance(request: Request) -> Answer:
    await _dispose(request, request.params["directory"])
    return TRUE


async def dispose_all(request: Request) -> Answer:
    for directory in request.services.supervisor.directories():
        await _dispose(request, directory)
    request.services.journal.append("global.disposed", {}, Place(), durable=False)
    return TRUE


async def _dispose(request: Request, directory: str) -> None:
    """Running turns are aborted first; what was always allowed there is forgotten; the next request starts anew."""
    services = request.services
    await services.supervisor.end_directory(directory)
    services.asks.forget_directory(directory)
    place = Place(directory=directory)
    services.journal.append("server.instance.disposed", {"directory": directory}, place, durable=False)


SERVICE: Final[dict[str, Operation]] = {
    "global.health": health,
    "oad.ready": ready,
    "event.replay": replay_events,
    "auth.set": set_credentials,
    "auth.remove": remove_credentials,
    "app.log": write_log,
    "instance.dispose": dispose_instance,
    "global.dispose": dispose_all,
}
