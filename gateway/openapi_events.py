"""What the document says about events: a component for each type, and the two forms in which streams carry them."""

from typing import Any, Final

from oad.contract.event_types import EVENT_TYPES, SYNC

_SCHEMAS: Final = "#/components/schemas/"
EVENT: Final = "Event"
GLOBAL_EVENT: Final = "GlobalEvent"

Json = dict[str, Any]


def event_components() -> Json:
    """By name. Clients that generate code from them get the names of all types there are."""
    events = {f"Event.{type}": _event(type, about) for type, (_, about) in EVENT_TYPES.items()}
    union = {"anyOf": [{"$ref": _SCHEMAS + name} for name in events if name != f"Event.{SYNC}"]}
    return {**events, EVENT: union, GLOBAL_EVENT: _global_event()}


def _event(type: str, about: str) -> Json:
    key = "syncEvent" if type == SYNC else "properties"
    fields = {"id": {"type": "string"}, "type": {"type": "string", "enum": [type]}, key: {"type": "object"}}
    return {"type": "object", "description": about, "properties": fields, "required": list(fields)}


def _global_event() -> Json:
    """The server's own events have no place."""
    payload = {"anyOf": [{"$ref": _SCHEMAS + EVENT}, {"$ref": f"{_SCHEMAS}Event.{SYNC}"}]}
    fields = {"directory": {"type": "string"}, "project": {"type": "string"}, "payload": payload}
    return {"type": "object", "properties": fields, "required": ["payload"]}
