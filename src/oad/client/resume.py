"""Where an event stream stands, so that it can be taken up again after a break."""

from typing import Final

from httpx2 import ServerSentEvent

from .event import Event, read_event

_LONGEST_S: Final = 10.0


class Position:
    """Fed with every frame; knows what to ask for next, and how long to wait before that."""

    def __init__(self, after: str = "") -> None:
        self._after = after
        self._retry_s = 0.5
        self._failures = 0

    def headers(self) -> dict[str, str]:
        return {"last-event-id": self._after} if self._after else {}

    def take(self, frame: ServerSentEvent) -> Event | None:
        """The event in it, if there is one that was not seen before. Raises msgspec.DecodeError."""
        self._failures = 0
        if frame.retry is not None:
            self._retry_s = frame.retry / 1000
        is_new = frame.id != self._after
        self._after = frame.id or self._after
        # The parser repeats the last id for frames without one of their own: those are volatile.
        return read_event(frame.data, frame.id if is_new else "") if frame.data else None

    def delay_s(self) -> float:
        """After a break: longer each time, until something arrives again."""
        self._failures += 1
        return min(self._retry_s * float(2 ** min(self._failures - 1, 10)), _LONGEST_S)
