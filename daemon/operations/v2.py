"""Sessions as the newer family of paths lists them."""

import base64
import binascii
from typing import Any, Final

import msgspec

from oad.contract.errors import tagged
from oad.contract.session import Session, decode_session, no_tokens
from oad.link import Answer

from ..store import SessionFilter
from .context import Operation, Request, json_answer

_PAGE: Final = 100
_MOST: Final = 5000


class _Cursor(msgspec.Struct):
    offset: int


async def list_sessions(request: Request) -> Answer:
    """All directories unless one is named; ``{"data", "cursor": {"next"?, "previous"?}}``."""
    params = request.params
    offset = _decode(params["cursor"]) if "cursor" in params else 0
    limit = min(int(params.get("limit", _PAGE)), _MOST)
    if limit < 1:
        raise tagged(400, "InvalidRequestError", message="limit must be positive", kind="Query")
    wanted = SessionFilter(
        directory=params.get("filterDirectory"),
        project=params.get("project"),
        path=params.get("subpath"),
        search=params.get("search"),
        oldest_first=params.get("order") == "asc",
        limit=limit + 1,
        offset=offset,
    )
    found = request.services.store.sessions(wanted)
    cursor: dict[str, str] = {}
    if len(found) > limit:
        cursor["next"] = _encode(offset + limit)
    if offset:
        cursor["previous"] = _encode(max(offset - limit, 0))
    return json_answer({"data": [_show(decode_session(data)) for data in found[:limit]], "cursor": cursor})


def _show(session: Session) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "id": session.id,
        "parentID": session.parent_id,
        "projectID": session.project_id,
        "agent": session.agent,
        "model": session.model,
        "cost": session.cost or 0,
        "tokens": session.tokens or no_tokens(),
        "time": session.time,
        "title": session.title,
        "location": {"directory": session.directory},
        "subpath": session.path or None,
    }
    return {key: value for key, value in shown.items() if value is not None}


def _encode(offset: int) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(_Cursor(offset))).decode().rstrip("=")


def _decode(text: str) -> int:
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        offset = msgspec.json.decode(raw, type=_Cursor).offset
    except (binascii.Error, ValueError, msgspec.DecodeError) as error:
        raise tagged(400, "InvalidCursorError", message="The cursor is not one of this server") from error
    return max(offset, 0)


V2: Final[dict[str, Operation]] = {"v2.session.list": list_sessions}
