"""Configuration as clients may see it: no secret leaves in an answer."""

import re
from typing import Any, Final, cast

MASK: Final = "********"
_SECRET_NAME: Final = re.compile(
    r"api[-_]?key|access[-_]?key|private[-_]?key|secret|token|password|passwd|authorization|cookie|credential",
    re.IGNORECASE,
)
_HARMLESS_NAME: Final = re.compile(r"tokens\b|tokenizer|setCacheKey", re.IGNORECASE)  # maxTokens and the like
_SECRET_MAPS: Final = frozenset({"headers", "environment"})  # any value in them may be one
_LOGIN: Final = re.compile(r"(?<=://)[^/@\s]+@")


def mask_secrets(value: Any, name: str = "") -> Any:
    """A copy with every text under a telling name replaced, at any depth, and logins taken out of addresses."""
    if isinstance(value, dict):
        entries = cast("dict[str, Any]", value)
        hidden = name in _SECRET_MAPS
        return {
            key: MASK if hidden and isinstance(item, str) else mask_secrets(item, key) for key, item in entries.items()
        }
    if isinstance(value, list):
        return [mask_secrets(item, name) for item in cast("list[object]", value)]
    if not isinstance(value, str) or not value:
        return value
    if is_secret_name(name):
        return MASK
    return _LOGIN.sub(MASK + "@", value)


def is_secret_name(name: str) -> bool:
    return _SECRET_NAME.search(name) is not None and not _HARMLESS_NAME.search(name)


def find_secrets(value: object) -> list[str]:
    """The texts under telling names, at any depth; of "Bearer …" and the like also what follows the scheme."""
    pending, found = [value], list[str]()
    while pending:
        current = pending.pop()
        if isinstance(current, dict):
            for name, item in cast("dict[str, object]", current).items():
                if isinstance(item, str) and is_secret_name(name):
                    found += {item, item.split(" ")[-1]}
                pending.append(item)
        elif isinstance(current, list):
            pending += cast("list[object]", current)
    return found
