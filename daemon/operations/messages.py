"""Messages and parts: list with a cursor, read, change, remove."""

import base64
import binascii
from typing import Final
from urllib.parse import urlencode

import msgspec
import trio

from oad.contract.errors import bad_request, not_found, session_busy, tagged
from oad.contract.ids import now_ms
from oad.contract.message import Part
from oad.contract.session import Session
from oad.link import Answer

from ..sessions import place_of
from .context import TRUE, Operation, Request, Services, join_json


class _Cursor(msgspec.Struct):
    id: str
    time: int


async def list_messages(request: Request) -> Answer:
    """Ascending; ``limit`` gives the newest, with headers that lead to older ones; 0 is no limit."""
    services, params = request.services, request.params
    session = services.sessions.find(params["sessionID"])
    limit = int(params.get("limit", "0"))
    if limit < 0:
        raise bad_request("limit must not be negative", "Query")
    before = _decode_cursor(params["before"]) if params.get("before") else None
    if before is not None and not limit:
        raise tagged(400, "BadRequest")
    # Long transcripts are read off the daemon's thread: a listing must not delay other sessions.
    body, oldest, more = await trio.to_thread.run_sync(read_page, services, session.id, limit, before)
    headers = {}
    if more and oldest is not None:
        cursor = base64.urlsafe_b64encode(msgspec.json.encode(oldest)).decode().rstrip("=")
        query = urlencode({"limit": limit, "before": cursor})
        headers = {"x-next-cursor": cursor, "link": f'</session/{session.id}/message?{query}>; rel="next"'}
    return Answer(body, 200, headers)


def read_page(
    services: Services, session: str, limit: int, before: tuple[int, str] | None = None
) -> tuple[bytes, _Cursor | None, bool]:
    """The newest ``limit`` (0: all) messages before a cursor, the oldest of them, and whether older ones exist."""
    found = services.store.messages(session, limit=limit + 1 if limit else None, before=before)
    more = bool(limit) and len(found) > limit
    if more:
        found = found[1:]
    parts = services.store.parts(session, [id for id, _, _ in found] if limit else None)
    grouped: dict[str, list[bytes]] = {}
    for message, id, data in parts:
        grouped.setdefault(message, []).append(services.turns.latest(session, id, data))
    body = join_json([with_parts(info, grouped.get(id, [])) for id, _, info in found])
    return body, _Cursor(found[0][0], found[0][1]) if found else None, more


def with_parts(info: bytes, parts: list[bytes]) -> bytes:
    return b'{"info":%b,"parts":%b}' % (info, join_json(parts))


def _decode_cursor(text: str) -> tuple[int, str]:
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        cursor = msgspec.json.decode(raw, type=_Cursor)
    except (binascii.Error, ValueError, msgspec.DecodeError) as error:
        raise tagged(400, "BadRequest") from error
    return cursor.time, cursor.id


def read_message(services: Services, session: str, message: str) -> bytes:
    """``{info, parts}``. Raises ApiError 404."""
    info = services.store.message(session, message)
    if info is None:
        raise not_found(f"Message not found: {message}")
    parts = services.store.parts(session, [message])
    return with_parts(info, [services.turns.latest(session, id, data) for _, id, data in parts])


async def get_message(request: Request) -> Answer:
    session = request.services.sessions.find(request.params["sessionID"])
    return Answer(read_message(request.services, session.id, request.params["messageID"]))


async def delete_message(request: Request) -> Answer:
    session = _idle_session(request)
    properties = {"sessionID": session.id, "messageID": request.params["messageID"]}
    request.services.journal.append("message.removed", properties, place_of(session))
    return TRUE


async def delete_part(request: Request) -> Answer:
    session, params = _idle_session(request), request.params
    properties = {"sessionID": session.id, "messageID": params["messageID"], "partID": params["partID"]}
    request.services.journal.append("message.part.removed", properties, place_of(session))
    return TRUE


async def update_part(request: Request) -> Answer:
    """Replaces or adds a part of a known message; its ids must be those of the path."""
    session, params = _idle_session(request), request.params
    part: Part = request.decode(Part)
    if (part.id, part.message_id, part.session_id) != (params["partID"], params["messageID"], session.id):
        raise tagged(400, "BadRequest")
    if request.services.store.message(session.id, part.message_id) is None:
        raise not_found(f"Message not found: {part.message_id}")
    properties = {"sessionID": session.id, "part": part, "time": now_ms()}
    request.services.journal.append("message.part.updated", properties, place_of(session))
    return Answer(msgspec.json.encode(part))


def _idle_session(request: Request) -> Session:
    """What a turn works with must not change under it. Raises ApiError 404 or 409."""
    session = request.services.sessions.find(request.params["sessionID"])
    if request.services.turns.busy(session.id):
        raise session_busy(session.id)
    return session


MESSAGES: Final[dict[str, Operation]] = {
    "session.messages": list_messages,
    "session.message": get_message,
    "session.deleteMessage": delete_message,
    "part.delete": delete_part,
    "part.update": update_part,
}
