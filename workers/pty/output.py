"""What a terminal's program writes: made readable, without secrets, kept for a while, and announced to viewers."""

import codecs
import math
from collections.abc import Awaitable, Callable
from typing import Final

import trio
from trio.lowlevel import ParkingLot

from oad.contract.redact import KNOWN, Redactor, StreamRedactor

from .scrollback import Scrollback

HELD_S: Final = 0.05  # so long the possible beginning of a secret waits for the rest: longer would be felt in typing


class Output:
    """Taking output never waits for anybody: however slow the viewers are, the program goes on."""

    def __init__(self, known: Redactor = KNOWN) -> None:
        self.scrollback = Scrollback()
        self.ended = False
        self._redacting = StreamRedactor(known)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._news = ParkingLot()

    async def pump(self, read: Callable[[], Awaitable[bytes]]) -> None:
        """Takes what ``read`` gives, until that is nothing."""
        while True:
            data = b""
            with trio.move_on_after(HELD_S if self._redacting.holding else math.inf) as patience:
                data = await read()
            if patience.cancelled_caught:
                self._keep(self._redacting.finish())
            elif data:
                self._keep(self._redacting.feed(data))
            else:
                return

    def say(self, text: str) -> None:
        """Of our own, between the program's lines."""
        self.scrollback.append(text)
        self._news.unpark_all()

    def end(self) -> None:
        """Nothing more comes."""
        self._keep(self._redacting.finish())
        self.scrollback.append(self._decoder.decode(b"", final=True))
        self.ended = True
        self._news.unpark_all()

    async def more(self, position: int) -> bool:
        """Waits for what lies beyond ``position``; false when nothing ever will."""
        while self.scrollback.end <= position:
            if self.ended:
                return False
            await self._news.park()
        return True

    def _keep(self, data: bytes) -> None:
        if text := self._decoder.decode(data):
            self.scrollback.append(text)
            self._news.unpark_all()
