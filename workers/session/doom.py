"""Notices a model that repeats itself: the same call three times within one step."""

import json
from typing import Any, Final

LIMIT: Final = 3


class DoomGuard:
    """Counts the calls of one step."""

    def __init__(self) -> None:
        self._seen: dict[str, int] = {}

    def repeats(self, tool: str, input: dict[str, Any]) -> bool:
        """Records a call; true from the third identical one on."""
        key = f"{tool} {json.dumps(input, sort_keys=True)}"
        self._seen[key] = self._seen.get(key, 0) + 1
        return self._seen[key] >= LIMIT
