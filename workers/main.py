"""A worker's life after the fork: restrict itself, connect, serve until told to end."""

import os
import signal
from pathlib import Path
from typing import Any, Final

import msgspec
import structlog
import trio
import zmq

from oad.contract.errors import ApiError, aborted_early
from oad.contract.redact import KNOWN
from oad.contract.wire import PROTOCOL_VERSION, Call, Data, Drain, Event, Frame, Grant, Hello, ProtocolError
from oad.contract.worker import WorkerSpec
from oad.link import Answer, Peer, StreamEnd, TrioSocket
from oad.logs import configure_logs, name_process

from .kinds import Kind, make_kind
from .pty.kind import ATTACH, PtyKind
from .sandbox.landlock import restrict_worker

_log = structlog.get_logger("oad.worker")
_HIGH_WATER: Final = 2000  # events on their way to the daemon; beyond it the turn waits


def run(spec: WorkerSpec, broker_fd: int) -> int:
    """The worker's main function; returns its exit status."""
    _configure_logs(spec)
    restriction = restrict_worker(spec)  # before any thread: Landlock holds for threads, not for processes
    if not restriction.abi:
        _log.warning("file tools are not restricted by the kernel", worker=spec.name, reason=restriction.reason)
    return trio.run(_main, spec, broker_fd, restrict_keyboard_interrupt_to_checkpoints=True)


def _configure_logs(spec: WorkerSpec) -> None:
    """Also where the file can't be opened, since somebody has changed its owner for example: that costs the lines."""
    session = spec.name if spec.kind == "session" else ""
    name_process(f"{spec.kind}-worker", name=spec.name, session=session, pid=spec.pid)
    try:
        file = Path(spec.log_file) if spec.log_file else None
        configure_logs(spec.log_level, file=file, stderr=spec.log_to_stderr, repeats=spec.log_repeats)
    except OSError:
        configure_logs(spec.log_level, file=None, stderr=True, repeats=spec.log_repeats)


async def _main(spec: WorkerSpec, broker_fd: int) -> int:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context(1)
    socket = context.socket(zmq.DEALER)
    socket.setsockopt(zmq.LINGER, 1000)
    socket.setsockopt(zmq.SNDHWM, _HIGH_WATER)
    socket.connect(spec.endpoint)
    try:
        async with trio.open_nursery() as nursery:
            worker = WorkerProcess(spec, broker_fd, TrioSocket(socket))
            await nursery.start(worker.run)
            await worker.finished.wait()
            nursery.cancel_scope.cancel()
    finally:
        context.destroy(linger=1000)
    return 0


class WorkerProcess:
    """The link to the daemon, the signals, and the kind's own work. Implements workers.link.Link."""

    def __init__(self, spec: WorkerSpec, broker_fd: int, socket: TrioSocket) -> None:
        self.finished = trio.Event()
        self._fence = 0  # number of the last abort
        self._spec = spec
        self._streams: dict[int, StreamEnd] = {}  # by number of the call that carries it
        self._peer = Peer(socket, handler=self._serve, on_frame=self._on_frame)
        self._kind: Kind = make_kind(spec, broker_fd, self)

    async def run(self, task_status: "trio.TaskStatus[None]" = trio.TASK_STATUS_IGNORED) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._peer.run)
            nursery.start_soon(self._watch_signals)
            await nursery.start(self._kind.run)
            await self._peer.send(Hello(PROTOCOL_VERSION, self._spec.kind, self._spec.name, os.getpid()))
            task_status.started()

    async def publish(self, type: str, properties: object, *, durable: bool = True) -> None:
        body = properties if isinstance(properties, bytes) else msgspec.json.encode(properties)
        body = KNOWN.conceal_json(body)  # whatever it came from, no event shows a secret
        session = self._spec.name if self._spec.kind == "session" else ""
        await self._peer.send(Event(type, session, durable), body)

    async def call(self, op: str, params: dict[str, str], body: bytes = b"", *, deadline_s: float = 0.0) -> bytes:
        reply, answer = await self._peer.call(op, params, body, deadline_s=deadline_s)
        if reply.status >= 400:
            raise ApiError(reply.status, msgspec.json.decode(answer, type=dict[str, Any]), reply.headers)
        return answer

    async def _serve(self, call: Call, body: bytes) -> Answer:
        # Numbers tell which call came first: what was sent before an abort must not begin after it.
        if call.op == "worker.abort":
            self._fence = call.id
        elif call.id < self._fence and self._spec.kind == "session":
            raise aborted_early()
        if call.op == ATTACH and isinstance(self._kind, PtyKind):
            return await self._attach(self._kind, call)
        answer = await self._kind.handle(call.op, call.params, body)
        return msgspec.structs.replace(answer, body=KNOWN.conceal_json(answer.body))

    async def _attach(self, kind: PtyKind, call: Call) -> Answer:
        stream = self._streams[call.id] = StreamEnd()
        stream.open(call.id, self._peer.send)
        try:
            return await kind.attach(stream, call.params)
        finally:
            del self._streams[call.id]

    async def _on_frame(self, frame: Frame, body: bytes) -> None:
        if isinstance(frame, Drain):
            self.finished.set()
        elif isinstance(frame, Data | Grant):
            if (stream := self._streams.get(frame.id)) is not None:
                stream.take(frame, body)
        else:
            raise ProtocolError(f"the daemon sent {type(frame).__name__}")

    async def _watch_signals(self) -> None:
        # USR1 is the fast path of an abort; the call "worker.abort" that follows on the link is the certain one.
        with trio.open_signal_receiver(signal.SIGUSR1, signal.SIGTERM) as signals:
            async for number in signals:
                if number == signal.SIGTERM:
                    self.finished.set()
                else:
                    self._kind.abort("signalled")
