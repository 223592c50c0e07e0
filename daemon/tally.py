"""What has happened since the daemon started, counted for ``GET /metrics``."""

from collections import Counter

import msgspec


class _Limit(msgspec.Struct):
    limit: str
    action: str = ""


class Tally:
    def __init__(self) -> None:
        self.limits: Counter[tuple[str, str]] = Counter()  # by limit and what was stopped for it
        self.aborts = 0
        self.asks: Counter[str] = Counter()

    def observe(self, type: str, properties: bytes, session: str) -> None:
        """Of every event that the journal takes; must not raise."""
        if type in ("session.limit", "oad.directory.limit"):
            hit = msgspec.json.decode(properties, type=_Limit)
            self.limits[hit.limit, hit.action] += 1
        elif type == "oad.session.aborted":
            self.aborts += 1
        elif type in ("permission.asked", "question.asked"):
            self.asks[type.removesuffix(".asked")] += 1
