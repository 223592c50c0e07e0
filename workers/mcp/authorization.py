"""One person's way through an authorization: shown an address, waited for until the code is there."""

import math
from collections.abc import Callable
from typing import Final
from urllib.parse import parse_qs, urlsplit

import msgspec
import trio

PATIENCE_S: Final = 600.0


class Code(msgspec.Struct, frozen=True):
    value: str
    state: str | None = None
    issuer: str | None = None


class GivenUp(Exception):
    """Nobody came back in time, or the person refused."""


class Authorization:
    """``asked`` is set once there is an address to go to. ``hold`` is told how long the connection may wait."""

    def __init__(self) -> None:
        self.asked = trio.Event()
        self.answered = trio.Event()
        self.url = ""
        self.hold: Callable[[float], None] = _nothing
        self._code: Code | str = ""

    @property
    def state(self) -> str:
        return (parse_qs(urlsplit(self.url).query).get("state") or [""])[0]

    async def show(self, url: str) -> None:
        self.url = url
        self.hold(PATIENCE_S)
        self.asked.set()

    async def wait(self) -> Code:
        """Raises GivenUp."""
        with trio.move_on_after(PATIENCE_S):
            await self.answered.wait()
        self.hold(math.nan)  # the usual time again
        if isinstance(self._code, Code):
            return self._code
        raise GivenUp(self._code or "nobody has authorized it in time")

    def answer(self, code: Code) -> None:
        """The first answer counts. One without a state comes from a client which has seen ours."""
        if not self.answered.is_set():
            self._code = code if code.state is not None else msgspec.structs.replace(code, state=self.state)
            self.answered.set()

    def refuse(self, reason: str) -> None:
        if not self.answered.is_set():
            self._code = f"the authorization was refused: {reason}"
            self.answered.set()


def _nothing(seconds: float) -> None:
    """Nobody measures the time."""
