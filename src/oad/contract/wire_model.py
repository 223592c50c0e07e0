"""The base of all API models: camelCase on the wire, absent instead of null, unknown keys ignored."""

import msgspec


def wire_name(field: str) -> str:
    """``session_id`` -> ``sessionID``, ``top_p`` -> ``topP``."""
    head, *tail = field.split("_")
    return head + "".join("ID" if word == "id" else word.capitalize() for word in tail)


class WireModel(msgspec.Struct, rename=wire_name, omit_defaults=True, kw_only=True):
    """A JSON object of the API. The only default a field may have is None: it means that the key is absent."""
