"""Server-sent events, as far as model providers use them: the data of each event."""


class SseDecoder:
    """Bytes in, in any fragmentation; the joined ``data`` of each completed event out.

    Event names, ids and comments are dropped: every protocol here repeats the event's type inside its data.
    """

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[bytes] = []

    def feed(self, chunk: bytes) -> list[bytes]:
        # Carriage returns may stand at the end of a chunk, their newline in the next: they are stripped per line.
        lines = (self._rest + chunk).split(b"\n") if self._rest else chunk.split(b"\n")
        self._rest = lines.pop()
        events: list[bytes] = []
        for line in lines:
            if line.startswith(b"data:"):
                self._data.append(line[5:].strip())
            elif self._data and not line.strip():
                self._finish(events)
        return events

    def end(self) -> list[bytes]:
        """The last event, when the stream ended without the blank line that should follow it."""
        events = self.feed(b"\n")
        self._finish(events)
        return events

    def _finish(self, events: list[bytes]) -> None:
        if self._data:
            events.append(self._data[0] if len(self._data) == 1 else b"\n".join(self._data))
            self._data = []
