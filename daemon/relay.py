"""Between the two calls that carry one stream: a gateway's to us, and ours to the worker."""

from collections.abc import Callable

import msgspec

from oad.contract.wire import Data, Grant
from oad.link import Peer, Send

Push = Callable[[Data | Grant, bytes], bool]


class Relay:
    """Implements link.Stream towards the worker. Holds nothing back: what is under way is bounded by the credit of the
    ends. ``up`` sends to the gateway, false when it can't; then, and when the worker can't be sent to, the stream is
    given up."""

    def __init__(self, number: int, up: Push, give_up: Callable[[], None]) -> None:
        self._gateways_number = number
        self._workers_number = 0
        self._up = up
        self._give_up = give_up
        self._worker: Peer | None = None

    def lead_to(self, worker: Peer) -> None:
        self._worker = worker

    def open(self, number: int, send: Send) -> None:
        self._workers_number = number

    def take(self, frame: Data | Grant, body: bytes) -> None:
        """From the worker."""
        if not self._up(msgspec.structs.replace(frame, id=self._gateways_number), body):
            self._give_up()

    def down(self, frame: Data | Grant, body: bytes) -> None:
        """From the gateway."""
        if self._worker is None or not self._workers_number:
            return
        if not self._worker.try_send(msgspec.structs.replace(frame, id=self._workers_number), body):
            self._give_up()

    def close(self) -> None:
        self._worker = None
