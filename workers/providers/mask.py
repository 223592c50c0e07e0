"""No secret leaves in an answer."""

import re
from typing import Any, cast

MASK = "********"
_SECRET = re.compile(
    r"(api[-_]?key|secret|token|password|authorization|cookie|credential|access[-_]?key)", re.IGNORECASE
)
_NOT_SECRET = re.compile(r"tokens|tokenizer|setCacheKey", re.IGNORECASE)  # maxTokens, budgetTokens


def mask_secrets(value: Any, name: str = "") -> Any:
    """A copy of a JSON value with every text under a telling name, at any depth, replaced."""
    if isinstance(value, dict):
        items = cast("dict[str, Any]", value).items()
        return {key: mask_secrets(inner, key) for key, inner in items}
    if isinstance(value, list):
        return [mask_secrets(element, name) for element in cast("list[object]", value)]
    if isinstance(value, str) and value and _SECRET.search(name) and not _NOT_SECRET.search(name):
        return MASK
    return _without_login(value) if isinstance(value, str) else value


def _without_login(text: str) -> str:
    return re.sub(r"(?<=://)[^/@\s]+@", MASK + "@", text)
