"""Sessions shown to whoever has the link, by this server alone: nothing is sent anywhere.

The link's name is the secret: 192 random bits. It opens this one session, read-only, and nothing else of the server.
"""

import contextlib
import secrets
from typing import Any, Final

import msgspec
import structlog
import trio

from oad.contract.errors import ApiError, named, not_found
from oad.contract.ids import now_ms
from oad.contract.message import Message, Part
from oad.contract.session import Session, SessionShare
from oad.contract.wire import Origin
from oad.link import Answer

from ..sessions import place_of
from ..share_page import render_page
from .context import Operation, Request, Services, json_answer
from .forks import read_all, visible

_log = structlog.get_logger("oad.share")
_NAME_BYTES: Final = 24
_HOUR_MS: Final = 3_600_000
_SHOWN: Final = frozenset({"text", "reasoning", "tool", "file", "patch"})
# The page runs nothing, loads nothing, tells nobody where it was, and is shown in no frame.
_PAGE: Final = {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'; sandbox",
}
_PRIVATE: Final = {
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-robots-tag": "noindex, nofollow",
}


async def share_session(request: Request) -> Answer:
    """The session with its link; one that is shared already keeps the link it has."""
    services, session = request.services, request.services.sessions.find(request.params["sessionID"])
    await _check(services, session)
    return json_answer(await _share(services, session, request.outer))


async def share_own_session(request: Request) -> Answer:
    """For the worker of a session whose project shares every session."""
    services, session = request.services, request.services.sessions.find(request.caller)
    await _check(services, session)
    services.audit.note("share.automatic", Origin(f"session:{session.id}"), session.id)
    return json_answer(await _share(services, session))


async def _share(services: Services, session: Session, outer: str = "") -> Session:
    await services.journal.settled()
    known = services.store.share_of(session.id)
    if session.share is not None and known is not None and not _is_over(known[1]):
        return session
    policy = services.supervisor.policy.share
    name = secrets.token_urlsafe(_NAME_BYTES)
    expires = None if policy.expire_h is None else now_ms() + round(policy.expire_h * _HOUR_MS)
    services.journal.append("oad.session.shared", {"id": name, "expires": expires}, place_of(session), full=True)
    base = policy.url or outer or services.find_address()
    url = f"{base.rstrip('/')}/share/{name}"
    return services.sessions.save(msgspec.structs.replace(session, share=SessionShare(url=url)))


async def _check(services: Services, session: Session) -> None:
    """Raises ApiError 403 where sharing is switched off: by the operator, the environment, or the project."""
    if not services.supervisor.policy.share.enabled:
        raise named(403, "ForbiddenError", message="Sharing is switched off by the operator of this server")
    params = {"directory": session.directory}
    answer = await services.supervisor.call_project(session.directory, "config.get", params, b"")
    if msgspec.json.decode(answer.body, type=dict[str, Any]).get("share") == "disabled":
        raise named(403, "ForbiddenError", message="Sharing is disabled in the configuration")


async def unshare_session(request: Request) -> Answer:
    """The session without its link, which opens nothing any more."""
    services, session = request.services, request.services.sessions.find(request.params["sessionID"])
    if session.share is None:
        return json_answer(session)
    services.journal.append("oad.session.shared", {"id": None, "expires": None}, place_of(session), full=True)
    changed = services.sessions.save(msgspec.structs.replace(session, share=None))
    await services.journal.settled()
    return json_answer(changed)


async def read_share(request: Request) -> Answer:
    return json_answer(await _shown(request), dict(_PRIVATE))


async def read_share_page(request: Request) -> Answer:
    return Answer(render_page(await _shown(request)).encode(), 200, {**_PAGE, **_PRIVATE})


async def _shown(request: Request) -> dict[str, Any]:
    """``{session, messages}``, as far as it is meant for others. Raises ApiError 404."""
    services, name = request.services, request.params["shareID"]
    found = services.store.share(name)
    if found is None or _is_over(found[1]) or not services.supervisor.policy.share.enabled:
        raise not_found("Nothing is shared under this link")
    with contextlib.suppress(ApiError):
        session = services.sessions.find(found[0])
        services.audit.note("share.opened", Origin("anyone"), session.id)
        return await _contents(services, session)
    raise not_found("Nothing is shared under this link")


async def _contents(services: Services, session: Session) -> dict[str, Any]:
    messages, parts = await trio.to_thread.run_sync(read_all, services, session.id)
    shown = [
        {"info": _info(info), "parts": [_part(each) for each in parts.get(info.id, []) if _is_shown(each)]}
        for info in visible(session, messages, parts)
    ]
    known = msgspec.to_builtins(session)
    return {"session": {key: known[key] for key in ("id", "title", "version", "time", "summary") if key in known},
            "messages": shown}  # fmt: skip


def _info(info: Message) -> dict[str, Any]:
    known = msgspec.to_builtins(info)
    names = ("id", "role", "time", "agent", "modelID", "providerID", "error", "finish", "cost", "tokens")
    return {name: known[name] for name in names if name in known}


def _is_shown(part: Part) -> bool:
    return part.__struct_config__.tag in _SHOWN and not getattr(part, "synthetic", None)


def _part(part: Part) -> dict[str, Any]:
    """Files that came with a prompt are named, not shown."""
    known: dict[str, Any] = msgspec.to_builtins(part)
    for name in ("sessionID", "messageID", "metadata", "url", "source"):
        known.pop(name, None)
    return known


def _is_over(expires: int | None) -> bool:
    return expires is not None and expires <= now_ms()


SHARES: Final[dict[str, Operation]] = {
    "session.share": share_session,
    "session.unshare": unshare_session,
    "share.get": read_share,
    "share.page": read_share_page,
}
