"""The service itself: health, credentials, clients' log lines, and the end of an instance."""

from typing import Any, Final

import structlog

from oad import API_VERSION
from oad.contract.errors import bad_request, named
from oad.contract.ids import is_harmless
from oad.contract.wire_model import WireModel
from oad.link import Answer

from ..journal import INTERNAL_PREFIX, Place
from .context import TRUE, Operation, Request, Services, json_answer

_client_log = structlog.get_logger("oad.client")
STREAMS_END: Final = f"{INTERNAL_PREFIX}streams.end"  # for the gateways: what clients hear of is told before it
_LEVELS: Final = {"debug", "info", "warn", "error"}


async def health(request: Request) -> Answer:
    return json_answer({"healthy": True, "version": API_VERSION})


async def ready(request: Request) -> Answer:
    """200 while prompts can be taken: nobody stops the service, they can be stored, the sandbox can be enforced."""
    request.services.draining.check()
    trouble = request.services.storage.trouble
    if trouble is not None:
        raise named(503, "NotReadyError", message=trouble.message, reason=trouble.reason)
    problem = request.services.sandboxes.problem
    if problem:
        raise named(503, "NotReadyError", message=f"The sandbox can't be enforced: {problem}")
    return json_answer({"ready": True, "version": API_VERSION})


async def set_credentials(request: Request) -> Answer:
    entry: dict[str, Any] = request.decode(dict)
    required = {"api": ("key",), "oauth": ("refresh", "access", "expires"), "wellknown": ("key", "token")}
    fields = required.get(str(entry.get("type")))
    if fields is None:
        raise bad_request('Expected "api" | "oauth" | "wellknown"\n  at ["type"]')
    for field in fields:
        if field not in entry:
            raise bad_request(f'Missing key\n  at ["{field}"]')
    entry.pop("login", None)  # what a login of one's own leaves for its renewal
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
    await dispose_directory(request.services, request.params["directory"])
    return TRUE


async def dispose_all(request: Request) -> Answer:
    request.services.turnstile.withdraw_disposed()  # first, and all: also what waits where no worker is
    for directory in request.services.supervisor.directories():
        await dispose_directory(request.services, directory)
    request.services.journal.append("global.disposed", {}, Place(directory="global"), durable=False)
    request.services.journal.append(STREAMS_END, {}, Place(), durable=False)
    return TRUE


async def dispose_directory(services: Services, directory: str) -> None:
    """What waits and what runs is aborted first; what was always allowed there is forgotten; the next request starts
    anew."""
    services.turnstile.withdraw_disposed(directory)
    await services.supervisor.end_directory(directory)
    services.asks.forget_directory(directory)
    services.added_servers.forget(directory)
    place = Place(directory=directory)
    services.journal.append("server.instance.disposed", {"directory": directory}, place, durable=False)
    services.journal.append(STREAMS_END, {}, place, durable=False)


SERVICE: Final[dict[str, Operation]] = {
    "global.health": health,
    "oad.ready": ready,
    "auth.set": set_credentials,
    "auth.remove": remove_credentials,
    "app.log": write_log,
    "instance.dispose": dispose_instance,
    "global.dispose": dispose_all,
}
