"""Answers to permission requests of a turn: by rule, or by the person at the terminal."""

import sys
from typing import Final

import trio

from oad.client import AsyncClient, Failure
from oad.contract.permission import Answer, PermissionRequest

_KEYS: Final[dict[str, Answer]] = {"o": "once", "y": "once", "a": "always", "r": "reject", "n": "reject"}


class PermissionAnswers:
    """``auto`` allows everything once. Otherwise a terminal is asked, and without one everything is rejected."""

    def __init__(self, client: AsyncClient, *, auto: bool) -> None:
        self._client = client
        self._auto = auto
        self._asking = trio.Lock()

    async def answer(self, request: PermissionRequest) -> None:
        reply = await self._decide(request)
        try:
            await self._client.permissions.reply(request.id, reply)
        except Failure as error:
            if error.status != 404:  # somebody else has answered it, or the turn is over
                raise

    async def _decide(self, request: PermissionRequest) -> Answer:
        if self._auto:
            return "once"
        asked = f"{request.permission} ({', '.join(request.patterns)})"
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            print(f"! permission rejected: {asked}; --auto allows", file=sys.stderr)
            return "reject"
        async with self._asking:
            return await trio.to_thread.run_sync(_ask, asked, abandon_on_cancel=True)


def _ask(asked: str) -> Answer:
    """Until a key is understood; the end of input rejects."""
    while True:
        print(f"\n? allow {asked}? [o]nce, [a]lways, [r]eject: ", end="", file=sys.stderr, flush=True)
        line = sys.stdin.readline()
        if not line:
            return "reject"
        if answer := _KEYS.get(line.strip().lower()[:1]):
            return answer
