"""One client's view of a terminal: what was, up to now, then what comes, and what it types."""

from typing import Final

import trio

from oad.contract.wire import STREAM_PIECE
from oad.link import StreamEnd

from .output import Output
from .pair import Pair

COALESCE_S: Final = 0.005  # between two small pieces: what one types is shown at once, a flood in larger pieces
HEARTBEAT_S: Final = 30.0  # of silence: then the cursor is told again, which keeps proxies and notices the vanished
_MUCH: Final = 16 * 1024


class Viewer:
    """It reads the scrollback at its own pace; what it is too slow for is skipped, and it is told where it is then."""

    def __init__(self, output: Output, pair: Pair, stream: StreamEnd, cursor: int) -> None:
        self._output = output
        self._pair = pair
        self._stream = stream
        kept = output.scrollback
        self._position = kept.end if cursor == -1 or cursor > kept.end else max(cursor, 0)

    async def run(self) -> None:
        """Until the program has ended and all of its output is sent, or the client is gone."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._type)
            await self._replay()
            await self._follow()
            nursery.cancel_scope.cancel()

    async def _replay(self) -> None:
        until = self._output.scrollback.end
        self._position = max(self._position, self._output.scrollback.start)
        while self._position < until and await self._stream.writable():
            await self._send_piece()
        await self._stream.send(b"", cursor=self._position)

    async def _follow(self) -> None:
        while not await self._is_last() and await self._stream.writable():
            if self._output.scrollback.end == self._position:
                await self._stream.send(b"", cursor=self._position)
                continue
            await self._send_piece()
            if self._output.scrollback.end - self._position < _MUCH:
                await trio.sleep(COALESCE_S)

    async def _is_last(self) -> bool:
        """Waits for more output, though not for ever."""
        with trio.move_on_after(HEARTBEAT_S):
            return not await self._output.more(self._position)
        return False

    async def _send_piece(self) -> None:
        if self._position < self._output.scrollback.start:
            self._position = self._output.scrollback.start
            await self._stream.send(b"", cursor=self._position)
        data, self._position = self._output.scrollback.read(self._position, STREAM_PIECE)
        await self._stream.send(data)

    async def _type(self) -> None:
        while (piece := await self._stream.receive()) is not None:
            _, body = piece
            await self._pair.write(body)
            await self._stream.consumed(body)
