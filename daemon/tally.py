"""What has happened since the daemon started, counted for ``GET /metrics``."""

import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import msgspec

from oad.contract.session import Tokens

from .telemetry.histogram import LONG_S, MIDDLE_S, Histogram


class _Status(msgspec.Struct):
    type: str


class _StatusChange(msgspec.Struct):
    status: _Status


class _Error(msgspec.Struct):
    name: str = ""


class _Failure(msgspec.Struct):
    error: _Error | None = None


class _Receipt(msgspec.Struct, rename="camel"):
    rung: str = ""
    survivors: int = 0
    took_ms: float = 0.0


class Tally:
    """``clock`` gives seconds, ascending."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.started = time.time()
        self.aborts: Counter[str] = Counter()  # by the last rung
        self.survivors = 0
        self.abort_s = Histogram(MIDDLE_S)
        self.asks: Counter[str] = Counter()
        self.turns: Counter[str] = Counter()  # by outcome
        self.turn_s = Histogram(LONG_S)
        self.spawn_s: dict[str, Histogram] = {}  # by kind of worker
        self.restarts: Counter[str] = Counter()  # by kind of process
        self.tokens: Counter[str] = Counter()
        self.cost = 0.0
        self._clock = clock
        self._busy: dict[str, float] = {}  # since when
        self._failed: dict[str, str] = {}  # with which outcome

    def observe(self, type: str, properties: bytes, session: str) -> None:
        """Of every event that the journal takes; must not raise."""
        if type == "session.status":
            self._note_status(session, _decode(properties, _StatusChange).status.type)
        elif type == "session.error":
            error = _decode(properties, _Failure).error
            if session in self._busy and error is not None:
                self._failed[session] = "aborted" if error.name == "MessageAbortedError" else "error"
        elif type == "oad.session.aborted":
            self._note_abort(_decode(properties, _Receipt))
        elif type in ("permission.asked", "question.asked"):
            self.asks[type.removesuffix(".asked")] += 1
        elif type == "session.deleted":
            self._busy.pop(session, None)
            self._failed.pop(session, None)

    def _note_status(self, session: str, status: str) -> None:
        """A turn begins with busy: retry is also the state of a session that waits in the queue."""
        if status == "busy":
            self._busy.setdefault(session, self._clock())
        elif status == "idle" and (since := self._busy.pop(session, None)) is not None:
            self.turn_s.observe(self._clock() - since)
            self.turns[self._failed.pop(session, "completed")] += 1

    def _note_abort(self, receipt: _Receipt) -> None:
        self.aborts[receipt.rung] += 1
        self.survivors += receipt.survivors
        if receipt.rung != "none":
            self.abort_s.observe(receipt.took_ms / 1000)

    def busy_s(self, session: str) -> float | None:
        """How long its turn has run; None when it runs none."""
        since = self._busy.get(session)
        return None if since is None else self._clock() - since

    def note_spawn(self, kind: str, took_s: float) -> None:
        self.spawn_s.setdefault(kind, Histogram(MIDDLE_S)).observe(took_s)

    def note_usage(self, cost: float, tokens: Tokens) -> None:
        self.cost += cost
        self.tokens["input"] += tokens.input
        self.tokens["output"] += tokens.output
        self.tokens["reasoning"] += tokens.reasoning
        self.tokens["cache_read"] += tokens.cache.read
        self.tokens["cache_write"] += tokens.cache.write


def _decode(properties: bytes, shape: type[Any]) -> Any:
    return msgspec.json.decode(properties, type=shape)
