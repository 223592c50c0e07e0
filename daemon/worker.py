"""One worker as the daemon sees it: its process, its link, and where in its life it is."""

from pathlib import Path
from typing import Final, Protocol

import structlog
import trio
import zmq

from oad.contract.errors import ApiError, unavailable
from oad.contract.trail import NO_TRAIL, SESSION, enter
from oad.contract.wire import Call, Data, Drain, Event, Frame, Grant, Hello, Pong, ProtocolError
from oad.contract.worker import WorkerSpec
from oad.link import Answer, LinkLost, Peer, Stream, TrioSocket, bind_private

from .lifecycle import Action, End, Lifecycle, State
from .spawn import Child, Spawner, SpawnFailed

_log = structlog.get_logger("oad.worker")
_LAST_LOOK_S: Final = 5.0  # for slow viewers of a terminal whose program has ended
_DRAIN_S: Final = 2.0
_HIGH_WATER: Final = 2000  # frames queued towards one worker


class Observer(Protocol):
    """Who is told what workers say."""

    async def on_event(self, worker: "Worker", event: Event, body: bytes) -> None: ...

    async def on_call(self, worker: "Worker", call: Call, body: bytes) -> Answer: ...


class Worker:
    """``settled``: it serves, or can't be had (``failure``). ``gone``: it is reaped and its books are closed."""

    def __init__(self, spec: WorkerSpec, observer: Observer, context: "zmq.Context[zmq.Socket[bytes]]") -> None:
        self.spec = spec
        self.life = Lifecycle()
        self.settled = trio.Event()
        self.over = trio.Event()  # its life is at its end; also of one that was never born
        self.gone = trio.Event()
        self.aborting = trio.Lock()
        self.failure: ApiError | None = None
        self.facts: dict[str, object] = {}  # what others remember for this worker's life
        self.calls = 0
        self.born = self.last_used = self.heard = trio.current_time()
        self.child: Child | None = None
        self._observer = observer
        self._path = Path(spec.endpoint.removeprefix("ipc://"))
        self._timer = trio.Event()
        self._resting = trio.lowlevel.ParkingLot()
        self.peer = Peer(self._bind(context), handler=self._serve, on_frame=self._on_frame)

    def _bind(self, context: "zmq.Context[zmq.Socket[bytes]]") -> TrioSocket:
        socket = context.socket(zmq.DEALER)
        socket.setsockopt(zmq.LINGER, 0)
        socket.setsockopt(zmq.SNDHWM, _HIGH_WATER)
        socket.setsockopt(zmq.RCVHWM, _HIGH_WATER)
        bind_private(socket, self._path)
        return TrioSocket(socket)

    @property
    def serving(self) -> bool:
        return self.life.state is State.SERVING

    @property
    def leaving(self) -> bool:
        return self.life.state in (State.DRAINING, State.KILLING, State.REAPING, State.ENDED)

    # --- its life -------------------------------------------------------------------------------------------------

    async def live(self, spawner: Spawner) -> None:
        """From birth to death. When it returns, or is cancelled, no process of the worker is left."""
        if not self.life.start():
            return  # it was ended before it was begun
        try:
            self.child = await spawner.spawn(self.spec)
        except SpawnFailed as error:
            self.life.on_spawn_failed()
            self.failure = unavailable(f"no worker for {self.spec.name} could be started: {error}")
            return
        self._act(self.life.on_spawned(trio.current_time()))
        enter(NO_TRAIL, self.spec.name if self.spec.kind == "session" else "")  # it outlives the request it is born for
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._run_link)
            nursery.start_soon(self._keep_time)
            status = await self._wait(self.child)
            self._act(self.life.on_exit(status))
            nursery.cancel_scope.cancel()

    def finish(self) -> End:
        """After ``live``: whoever waits for it hears that it has ended. Returns how."""
        self.peer.close()
        self._path.unlink(missing_ok=True)
        self._act(self.life.on_reaped())
        if self.failure is None and not self.settled.is_set():
            self.failure = unavailable(f"the worker of {self.spec.name} did not start")
        self.settled.set()
        return self.life.end or End.KILLED

    def kill(self) -> None:
        """SIGKILL to the session's init: the kernel ends everything in it."""
        self._act(self.life.kill(trio.current_time()))

    def kill_wedged(self) -> None:
        """As the kernel might: it counts as a crash, and what it was asked is answered as after one."""
        if self.child is not None and self.life.state is State.SERVING:
            self.child.kill()

    @property
    def name(self) -> str:
        return self.spec.name

    def tell(self, frame: Frame) -> bool:
        """False when it is too far behind to take it."""
        return self.peer.try_send(frame)

    async def drain(self, grace_s: float) -> None:
        """Asks it to leave; it is killed if it does not."""
        if self.leave():
            await self.say_drain(grace_s)

    def leave(self) -> bool:
        """Gives it no more work. Whether ``say_drain`` is to follow."""
        actions = self.life.drain(trio.current_time())
        self._act(actions)
        return Action.DRAIN in actions

    async def say_drain(self, grace_s: float) -> None:
        try:
            await self.peer.send(Drain(grace_s))
        except trio.ClosedResourceError:
            return

    async def retire(self) -> None:
        """It has nothing more to do, and goes when whoever still asks it something has heard the rest."""
        with trio.move_on_after(_LAST_LOOK_S):
            await self.rested()
        await self.drain(_DRAIN_S)

    def _act(self, actions: list[Action]) -> None:
        if Action.KILL in actions and self.child is not None:
            self.child.kill()
        if Action.ADMIT in actions:
            self.settled.set()
        if Action.REPORT in actions:
            self.over.set()
        self._timer.set()

    async def _keep_time(self) -> None:
        while True:
            self._timer = trio.Event()
            with trio.move_on_at(self.life.next_deadline):
                await self._timer.wait()
            self._act(self.life.step(trio.current_time()))

    async def _wait(self, child: Child) -> int:
        try:
            return await child.wait()
        except trio.Cancelled:
            self.kill()
            with trio.CancelScope(shield=True):
                self._act(self.life.on_exit(await child.wait()))
            raise

    # --- its link -------------------------------------------------------------------------------------------------

    async def call(
        self,
        op: str,
        params: dict[str, str],
        body: bytes,
        *,
        deadline_s: float = 0.0,
        stream: Stream | None = None,
    ) -> Answer | None:
        """The worker's answer; None if it died before it gave one, and then ``gone`` will be set."""
        self.calls += 1
        try:
            reply, answer = await self.peer.call(op, params, body, deadline_s=deadline_s, stream=stream)
        except (LinkLost, trio.ClosedResourceError):
            return None
        finally:
            self.calls -= 1
            self.last_used = trio.current_time()
            if not self.calls:
                self._resting.unpark_all()
        return Answer(answer, reply.status, reply.headers)

    async def rested(self) -> None:
        """Waits until no call to it is under way."""
        while self.calls:
            await self._resting.park()

    async def _run_link(self) -> None:
        """A worker that breaks the protocol is killed: what it holds can't be trusted any more.

        Whatever else goes wrong over its link also costs this worker, and no other."""
        try:
            await self.peer.run()
        except* ProtocolError as errors:
            _log.error("protocol broken by a worker", worker=self.spec.name, errors=[str(e) for e in errors.exceptions])
        except* Exception as errors:  # noqa: BLE001  the boundary of a worker's link
            _log.exception("a worker's link failed", worker=self.spec.name, exc_info=errors)
        if self.child is not None and self.life.state is not State.REAPING:
            self.child.kill()

    async def _serve(self, call: Call, body: bytes) -> Answer:
        if self.spec.kind == "session":
            SESSION.set(self.spec.name)
        return await self._observer.on_call(self, call, body)

    async def _on_frame(self, frame: Frame, body: bytes) -> None:
        self.heard = trio.current_time()
        if isinstance(frame, Pong):
            return
        self.last_used = self.heard
        if isinstance(frame, Event):
            await self._observer.on_event(self, frame, body)
        elif isinstance(frame, Hello):
            self._greet(frame)
        elif isinstance(frame, Data | Grant):
            return  # to a viewer that has left meanwhile
        else:
            raise ProtocolError(f"a worker sent {type(frame).__name__}")

    def _greet(self, hello: Hello) -> None:
        if (hello.role, hello.name) != (self.spec.kind, self.spec.name):
            # The identity of a worker is its socket; a claimed other name is a defect or a forgery.
            raise ProtocolError(f"worker {self.spec.name} claims to be {hello.role} {hello.name}")
        self._act(self.life.on_hello())
