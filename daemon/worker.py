"""One live worker as the daemon sees it: its process, its link, and whether it still takes calls."""

from pathlib import Path
from typing import Final, Protocol

import structlog
import trio
import zmq

from oad.contract.errors import ApiError
from oad.contract.wire import Call, Drain, Event, Frame, Hello, Idle, ProtocolError
from oad.contract.worker import WorkerSpec
from oad.link import Answer, LinkLost, Peer, TrioSocket, bind_private

from .spawn import Child

_log = structlog.get_logger("oad.worker")
_HIGH_WATER: Final = 2000  # frames queued towards one worker


class Observer(Protocol):
    """Who is told what workers say."""

    async def on_event(self, worker: "Worker", event: Event, body: bytes) -> None: ...

    async def on_call(self, worker: "Worker", call: Call, body: bytes) -> Answer: ...


class Worker:
    """``settled`` is set once it serves or can't be had (``failure``), ``gone`` once it is reaped and its books are closed.
    ``fenced``: its turn was closed over its head, nothing it says counts any more."""

    def __init__(self, spec: WorkerSpec, observer: Observer, context: "zmq.Context[zmq.Socket[bytes]]") -> None:
        self.spec = spec
        self.settled = trio.Event()
        self.ready = False
        self.gone = trio.Event()
        self.draining = False
        self.fenced = False
        self.failure: ApiError | None = None
        self.facts: dict[str, object] = {}  # what others remember for this worker's life
        self.expected_end = False  # we asked for it: not a crash
        self.calls = 0
        self.last_used = trio.current_time()
        self.child: Child | None = None
        self.exit_status: int | None = None
        self._observer = observer
        self._path = spec.endpoint.removeprefix("ipc://")
        socket = context.socket(zmq.DEALER)
        socket.setsockopt(zmq.LINGER, 0)
        socket.setsockopt(zmq.SNDHWM, _HIGH_WATER)
        socket.setsockopt(zmq.RCVHWM, _HIGH_WATER)
        bind_private(socket, Path(self._path))
        self.peer = Peer(TrioSocket(socket), handler=self._serve, on_frame=self._on_frame)

    @property
    def serving(self) -> bool:
        return self.ready and not self.draining and not self.gone.is_set()

    async def call(self, op: str, params: dict[str, str], body: bytes, *, deadline_s: float = 0.0) -> Answer | None:
        """The worker's answer; None if it died before it gave one, and then ``gone`` will be set."""
        self.calls += 1
        try:
            reply, answer = await self.peer.call(op, params, body, deadline_s=deadline_s)
        except (LinkLost, trio.ClosedResourceError):
            return None
        finally:
            self.calls -= 1
            self.last_used = trio.current_time()
        return Answer(answer, reply.status, reply.headers)

    async def drain(self, grace_s: float) -> None:
        self.draining = self.expected_end = True
        try:
            await self.peer.send(Drain(grace_s))
        except trio.ClosedResourceError:
            return

    def kill(self) -> None:
        """SIGKILL to the session's init: the kernel ends everything in it."""
        self.draining = self.expected_end = True
        if self.child is not None:
            self.child.kill()

    async def run_link(self) -> None:
        """A worker that breaks the protocol is killed: what it holds can't be trusted any more."""
        try:
            await self.peer.run()
        except* ProtocolError as errors:
            _log.error("protocol broken by a worker", worker=self.spec.name, errors=[str(e) for e in errors.exceptions])
            if self.child is not None:
                self.child.kill()

    def lose(self) -> None:
        """It has ended, or never began: whoever waits for it hears so."""
        self.peer.close()
        self.settled.set()

    async def _serve(self, call: Call, body: bytes) -> Answer:
        return await self._observer.on_call(self, call, body)

    async def _on_frame(self, frame: Frame, body: bytes) -> None:
        if isinstance(frame, Event):
            await self._observer.on_event(self, frame, body)
        elif isinstance(frame, Hello):
            self._greet(frame)
        elif not isinstance(frame, Idle):
            raise ProtocolError(f"a worker sent {type(frame).__name__}")

    def _greet(self, hello: Hello) -> None:
        if (hello.role, hello.name) != (self.spec.kind, self.spec.name):
            # The identity of a worker is its socket; a claimed other name is a defect or a forgery.
            raise ProtocolError(f"worker {self.spec.name} claims to be {hello.role} {hello.name}")
        self.ready = True
        self.settled.set()
