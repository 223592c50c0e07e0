"""JSON-RPC with one language server: requests with their answers, notifications, and what the server asks of us.

What is sent goes through a queue: a server that does not read costs nobody a wait, and is given up once that is full.
"""

import contextlib
import itertools
from collections.abc import Callable
from typing import Any, Final

import msgspec
import trio

from oad.contract.limit_text import describe

from ..exec import ExecFailed, ProgramEnded, Running
from .framing import BadFrame, Framer, frame

_QUEUED: Final = 256  # messages that a server has not taken yet
_METHOD_NOT_FOUND: Final = -32601
_MANY: Final = 5000  # messages within a second, for several seconds: nobody has that much to say
_MANY_S: Final = 5.0
_END_S: Final = 0.5  # between the end of its output and the news of its own


class ServerLost(Exception):
    """The server ended, or cannot be spoken with any more; the text says why."""


class RequestFailed(Exception):
    """The server answered with an error, or not in time."""


class Message(msgspec.Struct, omit_defaults=True):
    method: str | None = None
    id: int | str | None = None
    params: msgspec.Raw = msgspec.Raw()
    result: msgspec.Raw = msgspec.Raw()
    error: msgspec.Raw = msgspec.Raw()


_decode: Final = msgspec.json.Decoder(Message).decode
_NULL: Final = msgspec.Raw(b"null")

Notified = Callable[[str, msgspec.Raw], None]
"""Takes a notification: method and parameters. May raise msgspec.MsgspecError for wrong ones."""
Answers = Callable[[str, msgspec.Raw], Any]
"""The answer to a server's request. Raises KeyError for a method that is not known."""


class Connection:
    """``run`` must be running; it raises ServerLost. All else may be called side by side."""

    def __init__(self, running: Running, notified: Notified, answers: Answers) -> None:
        self._running = running
        self._notified = notified
        self._answers = answers
        self._ids = itertools.count(1)
        self._waiting: dict[int, tuple[trio.Event, list[Message]]] = {}
        self._outgoing, self._queue = trio.open_memory_channel[bytes](_QUEUED)
        self._lost = ""
        self._hopeless = trio.Event()
        self._rate = _Rate()

    async def run(self) -> None:
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._write)
                nursery.start_soon(self._give_up)
                await self._read()
                nursery.cancel_scope.cancel()
        finally:
            self._lost = self._lost or "it was ended"
            for answered, _ in self._waiting.values():
                answered.set()
        raise ServerLost(self._lost)

    async def request(self, method: str, params: object, *, timeout_s: float) -> msgspec.Raw:
        """Raises RequestFailed, ServerLost."""
        id = next(self._ids)
        answered, answers = self._waiting[id] = trio.Event(), list[Message]()
        try:
            self._send({"id": id, "method": method, "params": params})
            with trio.move_on_after(timeout_s):
                await answered.wait()
        finally:
            del self._waiting[id]
        if answers:
            return _result(method, answers[0])
        if self._lost:
            raise ServerLost(self._lost)
        self._send({"method": "$/cancelRequest", "params": {"id": id}})
        raise RequestFailed(f"{method}: no answer in {timeout_s:g} s")

    def notify(self, method: str, params: object) -> None:
        """Raises ServerLost."""
        self._send({"method": method, "params": params})

    def _send(self, message: dict[str, object]) -> None:
        if self._lost:
            raise ServerLost(self._lost)
        try:
            self._outgoing.send_nowait(frame(msgspec.json.encode({"jsonrpc": "2.0", **message})))
        except trio.WouldBlock:
            self._lost = "it does not take what is sent to it"
            self._hopeless.set()
            raise ServerLost(self._lost) from None

    async def _write(self) -> None:
        try:
            async for data in self._queue:
                await self._running.write(data)
        except ProgramEnded as error:
            self._lost = self._lost or str(error)
            self._hopeless.set()

    async def _give_up(self) -> None:
        """The reading ends with the program."""
        await self._hopeless.wait()
        await self._running.end()

    async def _read(self) -> None:
        framer = Framer()
        try:
            while data := await self._running.read():
                for content in framer.feed(data):
                    self._take(_decode(content))
                    self._rate.count(trio.current_time())
        except (BadFrame, msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            self._lost = self._lost or f"it does not speak the protocol: {error}"
        except _TooMuch:
            self._lost = self._lost or "it does not stop talking"
        if not self._lost:
            self._lost = await self._limit() or self._running.complaints().strip()[-500:] or "it ended"

    async def _limit(self) -> str:
        """The limit that it was ended for, if it was."""
        with trio.move_on_after(_END_S):
            with contextlib.suppress(ExecFailed):
                outcome = await self._running.wait()
                return f"it was ended: {describe(outcome.limit)}" if outcome.limit is not None else ""
        return ""

    def _take(self, message: Message) -> None:
        if message.method is None:
            waiting = self._waiting.get(message.id) if isinstance(message.id, int) else None
            if waiting is not None:
                waiting[1].append(message)
                waiting[0].set()
        elif message.id is None:
            self._notified(message.method, message.params)
        else:
            self._answer(message.method, message.id, message.params)

    def _answer(self, method: str, id: int | str, params: msgspec.Raw) -> None:
        try:
            reply: dict[str, object] = {"id": id, "result": self._answers(method, params)}
        except KeyError:
            reply = {"id": id, "error": {"code": _METHOD_NOT_FOUND, "message": f"{method} is not known here"}}
        if not self._lost:
            try:
                self._send(reply)
            except ServerLost:
                return  # the reading ends with the program


def _result(method: str, answer: Message) -> msgspec.Raw:
    error = bytes(answer.error)
    if error and error != b"null":
        raise RequestFailed(f"{method}: {error[:500].decode('utf-8', 'replace')}")
    return answer.result if bytes(answer.result) else _NULL


class _TooMuch(Exception):
    pass


class _Rate:
    """Raises _TooMuch for more than ``_MANY`` messages a second, for as long as ``_MANY_S``."""

    def __init__(self) -> None:
        self._since = 0.0
        self._number = 0

    def count(self, now: float) -> None:
        self._number += 1
        if now - self._since >= _MANY_S:
            self._since, self._number = now, 0
        elif self._number > _MANY * _MANY_S:
            raise _TooMuch
