"""What a turn may do by count: steps, calls, asks, waiting prompts, text; and how it is stopped when it does more."""

import json
from typing import Any

from oad.contract.limit_text import describe, limit_error, limit_refused
from oad.contract.limits import LimitHit, SessionLimits
from oad.contract.message import NamedError

from .failure import TurnFailed
from .guards import Alternation, Repetition


class TurnStopped(TurnFailed):
    """Ends the turn because a limit was reached."""

    def __init__(self, error: NamedError, hit: LimitHit) -> None:
        super().__init__(error)
        self.hit = hit


class Bounds:
    """One session's. Counters of a turn begin with it; what calls were made is remembered over turns."""

    def __init__(self) -> None:
        self.limits = SessionLimits()
        self._circles = (Repetition(), Alternation())
        self._restart()

    def _restart(self) -> None:
        self._steps = self._calls = self._asks = self._waiting = self._characters = 0

    def begin(self, limits: SessionLimits) -> None:
        self.limits = limits
        self._restart()

    def on_prompt(self) -> None:
        """Before a prompt is stored. Raises ApiError 429 when too many wait for the present step to end."""
        most = self.limits.queued_prompts
        if most is not None and self._waiting >= most:
            raise limit_refused(_hit("queuedPrompts", most, self._waiting, "refused"), retry_after_s=1)
        self._waiting += 1

    def on_step(self) -> None:
        """Raises TurnStopped, as all that follow."""
        self._waiting = self._characters = 0
        self._steps += 1
        _check("steps", self.limits.steps, self._steps)

    def on_text(self, characters: int) -> None:
        self._characters += characters
        most = self.limits.step_characters
        if most is not None and self._characters > most:
            self._run_away("stepCharacters", most, self._characters)

    def on_call(self, tool: str, input: dict[str, Any]) -> None:
        self._calls += 1
        _check("toolCalls", self.limits.tool_calls, self._calls)
        key = f"{tool} {json.dumps(input, sort_keys=True)}"
        repeated, rounds = (detector.feed(key) for detector in self._circles)
        for guard, most, count in (
            ("repeatedCalls", self.limits.repeated_calls, repeated),
            ("alternatingCalls", self.limits.alternating_calls, rounds),
        ):
            if most is not None and count >= most:
                self._run_away(guard, most, count)

    def on_ask(self) -> None:
        self._asks += 1
        most = self.limits.asks
        if most is not None and self._asks > most:
            self._run_away("asks", most, self._asks)

    def _run_away(self, guard: str, most: int, count: int) -> None:
        self._circles = (Repetition(), Alternation())  # who prompts again gets as many again
        hit = _hit(guard, most, count, "turn")
        data = {"message": f"Stopped as a runaway: {describe(hit)}", "guard": guard, "count": count}
        raise TurnStopped(NamedError(name="RunawayError", data=data), hit)


def _check(name: str, most: int | None, count: int) -> None:
    if most is not None and count > most:
        hit = _hit(name, most, count, "turn")
        raise TurnStopped(limit_error(hit), hit)


def _hit(name: str, value: float, peak: float, action: Any) -> LimitHit:
    return LimitHit(limit=name, value=value, peak=peak, action=action)
