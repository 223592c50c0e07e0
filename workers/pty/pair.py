"""Both ends of a pseudo-terminal: the program's, and ours."""

import os
import termios
from typing import Final

import trio

from oad.contract.terminal import PtySize

_CHUNK: Final = 64 * 1024
_IUTF8: Final = 0o40000  # of Linux; the kernel then erases whole characters


class Pair:
    """``theirs`` becomes the program's, and is closed here by ``hand_over``."""

    def __init__(self, size: PtySize) -> None:
        self._ours, self.theirs = os.openpty()
        os.set_blocking(self._ours, False)
        attributes = termios.tcgetattr(self.theirs)
        attributes[0] |= _IUTF8
        termios.tcsetattr(self.theirs, termios.TCSANOW, attributes)
        self.resize(size)
        self._writing = trio.Lock()

    def resize(self, size: PtySize) -> None:
        """The program is told by SIGWINCH. Does nothing once the terminal is closed."""
        if self._ours >= 0:
            termios.tcsetwinsize(self._ours, (size.rows, size.cols))

    def hand_over(self) -> None:
        if self.theirs >= 0:
            os.close(self.theirs)
            self.theirs = -1

    def close(self) -> None:
        """Hangs up: the kernel sends SIGHUP to whoever still uses it."""
        self.hand_over()
        if self._ours >= 0:
            trio.lowlevel.notify_closing(self._ours)
            os.close(self._ours)
            self._ours = -1

    async def read(self) -> bytes:
        """What was written, as much as there is at once; empty when nobody has the other end any more."""
        await trio.lowlevel.checkpoint_if_cancelled()
        while not (data := self.read_now()):
            if data is None:
                return b""
            try:
                await trio.lowlevel.wait_readable(self._ours)
            except trio.ClosedResourceError:
                return b""
        await trio.lowlevel.cancel_shielded_checkpoint()
        return data

    def read_now(self) -> bytes | None:
        """Several reads in one: the kernel hands out about 4 KB at a time. None at the end."""
        data = b""
        try:
            while len(data) < _CHUNK and self._ours >= 0:
                more = os.read(self._ours, _CHUNK)
                if not more:
                    return data or None
                data += more
        except BlockingIOError:
            return data
        except OSError:  # EIO: closed by everyone
            return data or None
        return data or None

    async def write(self, data: bytes) -> None:
        """As typed. Waits while the program does not read; writers take turns. What is typed after the end is lost."""
        view = memoryview(data)
        async with self._writing:
            while view and self._ours >= 0:
                try:
                    view = view[os.write(self._ours, view) :]
                except BlockingIOError:
                    await self._writable()
                except OSError:
                    return

    async def _writable(self) -> None:
        try:
            await trio.lowlevel.wait_writable(self._ours)
        except trio.ClosedResourceError:
            await trio.lowlevel.checkpoint()
