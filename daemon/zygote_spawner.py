"""The real spawner: asks the zygote for sessions, and replaces the zygote when it dies."""

import contextlib
import os
import select
import signal
import socket
from collections.abc import Container

import msgspec
import structlog
import trio

from oad.contract.worker import Level, WorkerSpec

from . import procs, tree_kill
from .birth import Birth
from .child import SpawnedChild
from .process_usage import read_use
from .session_init import Born, Stillborn
from .spawn import SpawnFailed
from .zygote import PACKET_BYTES, Preload, Preloaded, Ready, Reply, Zygote, launch_zygote

_log = structlog.get_logger("oad.supervisor")
BIRTH_TIMEOUT_S = 10.0
REPLACE_AFTER_S = (0.0, 0.5, 2.0, 5.0)
_BIRTH_ATTEMPTS = 3

_decode_reply = msgspec.msgpack.Decoder[Reply](Reply).decode
_decode_outcome = msgspec.msgpack.Decoder[Born | Stillborn](Born | Stillborn).decode


class ZygoteLost(Exception):
    """Zygotes die before they are ready, again and again."""


class _ZygoteGone(Exception):
    """It died with our request; the next one may serve it."""


class ZygoteSpawner:
    """``run`` must be running for ``spawn`` to get anywhere. This process must be a subreaper."""

    def __init__(self, zygote: Zygote) -> None:
        self._zygote = zygote
        self._ready, self._buried = trio.Event(), trio.Event()  # of the present zygote
        self._first: Ready | None = None
        self._preloaded: dict[str, str] = {}
        self._answered = trio.Condition()
        self._children: set[int] = set()
        # Held while an init is on its way to us: a sweep at that moment would take it for an escapee.
        self._births = trio.Lock()

    @property
    def level(self) -> Level:
        """How sessions are held together. Known once ``wait_ready`` has returned."""
        return self._ready_message.level

    @property
    def _ready_message(self) -> Ready:
        if self._first is None:
            raise RuntimeError("the zygote is not ready yet")
        return self._first

    def memory_kb(self) -> int:
        """Of the zygote: what every worker is born with, and shares with it until it writes there."""
        use = read_use(self._zygote.pid) if self._zygote.pid else None
        return use.rss_kb if use is not None else 0

    async def wait_ready(self) -> Ready:
        await self._ready.wait()
        return self._ready_message

    async def run(self) -> None:
        """Serves for ever. Raises ZygoteLost when four zygotes in a row never became ready."""
        failures = 0
        try:
            while True:
                await self._follow()
                failures = 0 if self._ready.is_set() else failures + 1
                await self._bury()
                if failures >= len(REPLACE_AFTER_S):
                    raise ZygoteLost(f"{failures} zygotes in a row died before they were ready")
                await trio.sleep(REPLACE_AFTER_S[failures])
                self._replace()
        finally:
            self._zygote.sock.close()

    def _replace(self) -> None:
        try:
            self._zygote = launch_zygote(self._zygote.preload, self._zygote.entry)
        except OSError as error:
            raise ZygoteLost(f"no zygote can be started: {error}") from error

    async def _follow(self) -> None:
        """Reads replies until the zygote is gone."""
        sock = self._zygote.sock
        sock.setblocking(False)
        while True:
            await trio.lowlevel.wait_readable(sock.fileno())
            try:
                packet = sock.recv(PACKET_BYTES)
            except ConnectionError:
                return
            if not packet:
                return
            await self._on_reply(_decode_reply(packet))

    async def _on_reply(self, reply: Reply) -> None:
        match reply:
            case Ready():
                self._first = reply
                self._ready.set()
            case Preloaded(module, problem):
                async with self._answered:
                    self._preloaded[module] = problem
                    self._answered.notify_all()

    async def _bury(self) -> None:
        self._ready = trio.Event()
        self._buried.set()
        self._buried = trio.Event()
        async with self._answered:
            self._answered.notify_all()
        self.recycle()
        pidfd = os.pidfd_open(self._zygote.pid)
        try:
            await trio.lowlevel.wait_readable(pidfd)
            os.waitid(os.P_PIDFD, pidfd, os.WEXITED)  # noqa: ASYNC222  it has ended
        finally:
            os.close(pidfd)
        self._zygote.sock.close()
        self._zygote = self._zygote._replace(pid=0)

    def recycle(self) -> None:
        """Has the zygote replaced by a new one. Sessions are not its children and do not notice."""
        if self._zygote.pid:
            os.kill(self._zygote.pid, signal.SIGKILL)  # our child, not reaped: the number is its

    async def preload(self, module: str) -> str:
        """Has later workers start with ``module`` imported. Returns what went wrong, or nothing."""
        self._preloaded.pop(module, None)
        while module not in self._preloaded:
            sock, buried = await self._current()
            with contextlib.suppress(_ZygoteGone):
                await self._ask(sock, Preload(module), ())
            async with self._answered:
                while module not in self._preloaded and not buried.is_set():
                    await self._answered.wait()
        problem = self._preloaded[module]
        if not problem and module not in self._zygote.preload:
            self._zygote = self._zygote._replace(preload=(*self._zygote.preload, module))
        return problem

    async def _current(self) -> tuple[socket.socket, trio.Event]:
        """The socket of a zygote that is ready, and the event of its burial. Who waits in between must come back."""
        while not self._ready.is_set():
            await self._ready.wait()
        return self._zygote.sock, self._buried

    async def _ask(self, sock: socket.socket, request: Birth | Preload, fds: tuple[int, ...]) -> None:
        packet = msgspec.msgpack.encode(request)
        while True:
            try:
                socket.send_fds(sock, [packet], fds)
            except BlockingIOError:
                await trio.lowlevel.wait_writable(sock.fileno())
            except OSError as error:
                raise _ZygoteGone from error
            else:
                return

    async def spawn(self, spec: WorkerSpec) -> SpawnedChild:
        """Raises SpawnFailed. While a zygote is being replaced it waits for the new one."""
        attempts = 0
        while attempts < _BIRTH_ATTEMPTS:
            await self._current()
            async with self._births:
                if not self._ready.is_set():
                    continue  # it died while we waited for our turn
                attempts += 1
                sock, buried = self._zygote.sock, self._buried
                with contextlib.suppress(_ZygoteGone):
                    return await self._bear(sock, spec)
            await buried.wait()
        raise SpawnFailed("the zygote died at every attempt")

    async def _bear(self, asked: socket.socket, spec: WorkerSpec) -> SpawnedChild:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            ours.setblocking(False)
            with trio.fail_after(BIRTH_TIMEOUT_S):
                with theirs:
                    await self._ask(asked, Birth(spec, self._zygote.entry), (theirs.fileno(),))
                await trio.lowlevel.wait_readable(ours.fileno())
            return self._receive(ours, asked)
        except trio.TooSlowError:
            ours.close()
            _log.error("the zygote does not answer and is replaced", waited_s=BIRTH_TIMEOUT_S)
            self.recycle()
            raise _ZygoteGone from None
        except BaseException:
            ours.close()  # an init that is born after all sees that and leaves
            raise

    def _receive(self, ours: socket.socket, asked: socket.socket) -> SpawnedChild:
        packet, fds, _flags, _address = socket.recv_fds(ours, PACKET_BYTES, 2, socket.MSG_CMSG_CLOEXEC)
        if not packet:
            if _has_hung_up(asked):
                raise _ZygoteGone
            raise SpawnFailed("the session's init was killed at its birth")
        outcome = _decode_outcome(packet)
        if isinstance(outcome, Stillborn):
            raise SpawnFailed(f"{outcome.step}: {outcome.text}")
        pidfd, worker_pidfd = fds
        child = SpawnedChild(
            outcome.level, pidfd=pidfd, worker_pidfd=worker_pidfd, control=ours, on_end=self._on_child_end
        )
        self._children.add(child.init_pid)
        return child

    async def _on_child_end(self, child: SpawnedChild) -> None:
        self._children.discard(child.init_pid)
        if child.level == "subreaper":
            child.survivors = (await self.sweep()).survivors

    async def sweep(self, known: Container[int] = ()) -> tree_kill.Killed:
        """Kills and collects every child of this process which is neither the zygote, nor a session, nor in ``known``:
        it has escaped from a session whose init is gone. Blocks for some milliseconds when there are any."""
        async with self._births:
            spare = {pid for pid in procs.children(os.getpid()) if pid in known} | self._expected()
            return tree_kill.kill_below(os.getpid(), spare=spare, reap=lambda: self._collect(known))

    def unexpected_children(self, known: Container[int] = ()) -> list[int]:
        ours = self._expected()
        return [pid for pid in procs.children(os.getpid()) if pid not in ours and pid not in known]

    def _expected(self) -> set[int]:
        return self._children | {self._zygote.pid}

    def _collect(self, known: Container[int]) -> None:
        for pid in self.unexpected_children(known):
            os.waitpid(pid, os.WNOHANG)


def _has_hung_up(sock: socket.socket) -> bool:
    if sock.fileno() < 0:
        return True  # and has been closed since
    poll = select.poll()
    poll.register(sock, select.POLLRDHUP)
    return bool(poll.poll(0))
