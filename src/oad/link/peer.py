"""One end of a two-way link: calls and replies in both directions, and one-way frames, over one ZeroMQ socket.

Used where each end both asks and serves: between the daemon and a worker.
"""

import itertools
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec
import structlog
import trio

from oad.contract.errors import ApiError, named, unavailable, unexpected
from oad.contract.wire import Call, Cancel, Frame, ProtocolError, Reply, decode_frame, encode_frame

from .socket import TrioSocket

_log = structlog.get_logger("oad.link")

_DRAIN: Final = 256


class Answer(msgspec.Struct, frozen=True):
    """A reply to a call: an HTTP status, a body that goes out untouched, and headers."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = {}


Serve = Callable[[Call, bytes], Awaitable[Answer]]
OnFrame = Callable[[Frame, bytes], Awaitable[None]]
SendReply = Callable[[list[bytes]], Awaitable[None]]


def failure(error: ApiError) -> Answer:
    return Answer(error.encode(), error.status, error.headers)


class _Waiter:
    def __init__(self) -> None:
        self.done = trio.Event()
        self.answer: Answer | None = None

    def settle(self, answer: Answer) -> None:
        if self.answer is None:
            self.answer = answer
            self.done.set()


class Peer:
    """``serve`` answers the other end's calls, each in a task of its own; ``on_frame`` takes all other frames in order,
    and delays what follows while it runs."""

    def __init__(self, socket: TrioSocket, *, serve: Serve, on_frame: OnFrame) -> None:
        self._socket = socket
        self._serve = serve
        self._on_frame = on_frame
        self._ids = itertools.count(1)
        self._waiting: dict[int, _Waiter] = {}
        self._serving: dict[int, trio.CancelScope] = {}
        self._gone: Answer | None = None

    async def run(self) -> None:
        """Moves frames until the socket is closed. Raises ProtocolError when the other end sends what is no frame."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._socket.pump)
            try:
                while True:
                    for message in await self._socket.recv_many(_DRAIN):
                        await self._take(message, nursery)
            except trio.ClosedResourceError:
                nursery.cancel_scope.cancel()

    async def send(self, frame: Frame, body: bytes = b"") -> None:
        """Waits while the other end is behind. Raises trio.ClosedResourceError after the end of the link."""
        await self._socket.send_multipart(encode_frame(frame, body))

    async def call(
        self, op: str, params: dict[str, str], body: bytes = b"", *, deadline_s: float = 0.0, key: str = ""
    ) -> Answer:
        """Asks and waits for the answer. After ``deadline_s`` (0: never) the answer is 504; a lost link answers as
        ``fail_all`` said. A cancelled caller cancels the call at the other end."""
        if self._gone is not None:
            return self._gone
        id, waiter = next(self._ids), _Waiter()
        self._waiting[id] = waiter
        try:
            await self.send(Call(id, op, params, deadline_s, key), body)
            with trio.move_on_after(deadline_s or float("inf")):
                await waiter.done.wait()
        except trio.ClosedResourceError:
            waiter.settle(self._gone or failure(unavailable("the other end of the link is gone")))
        finally:
            del self._waiting[id]
            if waiter.answer is None:
                self._send_cancel(id)
        return waiter.answer or failure(named(504, "TimeoutError", message=f"{op} took longer than {deadline_s} s"))

    def fail_all(self, answer: Answer) -> None:
        """The other end is gone: every waiting and every later call is answered so."""
        self._gone = answer
        for waiter in list(self._waiting.values()):
            waiter.settle(answer)

    def close(self, linger_ms: int = 0) -> None:
        self._socket.close(linger_ms)

    def _send_cancel(self, id: int) -> None:
        try:
            self._socket.try_send(encode_frame(Cancel(id)))
        except trio.ClosedResourceError:
            return

    async def _take(self, message: list[bytes], nursery: trio.Nursery) -> None:
        frame, body = decode_frame(message)
        if isinstance(frame, Reply):
            waiter = self._waiting.get(frame.id)
            if waiter is not None:
                waiter.settle(Answer(body, frame.status, frame.headers))
        elif isinstance(frame, Call):
            nursery.start_soon(self._answer, frame, body)
        elif isinstance(frame, Cancel):
            scope = self._serving.get(frame.id)
            if scope is not None:
                scope.cancel()
        else:
            await self._on_frame(frame, body)

    async def _answer(self, call: Call, body: bytes) -> None:
        with trio.CancelScope() as scope:
            self._serving[call.id] = scope
            try:
                answer = await answer_safely(self._serve, call, body)
                await self.send(Reply(call.id, answer.status, answer.headers), answer.body)
            except trio.ClosedResourceError:
                return
            finally:
                del self._serving[call.id]


async def answer_safely(serve: Serve, call: Call, body: bytes) -> Answer:
    """The boundary of an RPC: whatever goes wrong in a handler becomes an answer, and the process lives on."""
    try:
        return await serve(call, body)
    except ApiError as error:
        return failure(error)
    except (trio.ClosedResourceError, ProtocolError):
        raise
    except Exception as error:  # noqa: BLE001  a task boundary: RPC dispatch
        hidden = unexpected()
        _log.exception("call failed", op=call.op, ref=hidden.body["data"]["ref"], error=repr(error))
        return failure(hidden)
