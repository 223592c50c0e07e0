"""The order in which the calls of a step ask for permission: that of the calls, though they run side by side."""

from typing import Final

import trio

_PATIENCE_S: Final = 1.0  # for earlier calls that do something before they ask


class AskOrder:
    """A call that asks waits until each earlier one has asked, or has ended without; not for the answers."""

    def __init__(self, patience_s: float = _PATIENCE_S) -> None:
        self._patience_s = patience_s
        self._before: dict[str, trio.Event] = {}  # calls that have not asked yet, the first first

    def join(self, call: str) -> None:
        self._before[call] = trio.Event()

    async def turn(self, call: str) -> None:
        """Waits. The caller must ask before its next checkpoint, lest a later call gets ahead."""
        if call not in self._before:
            return
        with trio.move_on_after(self._patience_s):
            for earlier, asked in tuple(self._before.items()):
                if earlier == call:
                    break
                await asked.wait()
        self.leave(call)

    def leave(self, call: str) -> None:
        asked = self._before.pop(call, None)
        if asked is not None:
            asked.set()
