"""The worker of these tests. ``spec.directory`` says which: "exit:N", "pause", "stuck", "die:N" or "exec"; the last is
told what to run over the abstract socket ``spec.endpoint``."""

import json
import os
import signal
import socket
from typing import Any

import msgspec
import trio

from oad.contract.limits import SessionLimits
from oad.contract.terminal import PtySize
from oad.contract.worker import WorkerSpec
from oad.workers.broker import BrokerExec
from oad.workers.exec import Command, ExecFailed, ProgramEnded, Running, Terminal
from oad.workers.pty.pair import Pair


def run(spec: WorkerSpec, broker_fd: int) -> int:
    kind, _, argument = spec.directory.partition(":")
    match kind:
        case "exit":
            return int(argument)
        case "die":
            signal.pthread_sigmask(signal.SIG_SETMASK, ())
            os.kill(os.getpid(), int(argument))
        case "stuck":
            while True:
                pass
        case "pause":
            signal.pause()
        case "exec":
            trio.run(serve, spec.endpoint, broker_fd)
        case _:
            pass
    return 0


async def serve(endpoint: str, broker_fd: int) -> None:
    plain = socket.socket(socket.AF_UNIX)
    plain.connect("\0" + endpoint)
    stream = trio.SocketStream(trio.socket.from_stdlib_socket(plain))
    probe = Probe(BrokerExec(broker_fd), stream)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(probe.watch_signals)
        buffer = b""
        async for data in stream:
            buffer += data
            while b"\n" in buffer:
                line, _, buffer = buffer.partition(b"\n")
                order = json.loads(line)
                nursery.start_soon(getattr(probe, order.pop("op")), order)
        nursery.cancel_scope.cancel()


class Probe:
    def __init__(self, exec: BrokerExec, stream: trio.SocketStream) -> None:
        self.exec, self.stream = exec, stream
        self.lock = trio.Lock()
        self.scopes: dict[int, trio.CancelScope] = {}
        self.programs: dict[int, Running] = {}
        self.terminals: dict[int, Pair] = {}

    async def tell(self, **message: Any) -> None:
        with trio.CancelScope(shield=True):
            async with self.lock:
                await self.stream.send_all(json.dumps(message).encode() + b"\n")

    async def watch_signals(self) -> None:
        with trio.open_signal_receiver(signal.SIGUSR1) as arrivals:
            await self.tell(event="up", pid=os.getpid(), umask=0)
            async for number in arrivals:
                await self.tell(event="signal", number=number)

    async def run(self, order: dict[str, Any]) -> None:
        id = order["id"]

        async def out(data: bytes) -> None:
            await self.tell(event="out", id=id, text=data.decode(errors="replace"))

        async def err(data: bytes) -> None:
            await self.tell(event="err", id=id, text=data.decode(errors="replace"))

        if "limits" in order:
            self.exec.allowance.begin(msgspec.convert(order["limits"], SessionLimits), 0)
        env = order.get("env", {"PATH": os.environ["PATH"]}) | order.get("more", {})
        if filler := order.get("filler_kb"):
            env |= {f"FILLER{n}": "x" * 1000 for n in range(filler)}
        command = Command(
            order["argv"], order.get("cwd", "/tmp"), env, order.get("stdin", "").encode(), order.get("merge", True)
        )
        start = trio.current_time()
        with trio.CancelScope() as self.scopes[id]:
            try:
                outcome = await self.exec.run(
                    command,
                    on_stdout=out,
                    on_stderr=err,
                    timeout_s=order.get("timeout"),
                    grace_s=order.get("grace", 0.2),
                )
            except ExecFailed as error:
                await self.tell(event="failed", id=id, text=str(error))
                return
            await self.tell(event="outcome", id=id, exit=outcome.exit, timed_out=outcome.timed_out,
                            left_running=outcome.left_running, ms=(trio.current_time() - start) * 1000)  # fmt: skip
            return
        await self.tell(event="cancelled", id=id)

    async def open(self, order: dict[str, Any]) -> None:
        """Speaks with a program: "write", "close", "end" by number, what it says is told as of a run."""
        id = order["id"]
        if "limits" in order:
            self.exec.allowance.begin(msgspec.convert(order["limits"], SessionLimits), 0)
        command = Command(order["argv"], order.get("cwd", "/tmp"), {"PATH": os.environ["PATH"]})
        start = trio.current_time()
        with trio.CancelScope() as self.scopes[id]:
            try:
                async with self.exec.open(command, grace_s=order.get("grace", 0.2)) as running:
                    self.programs[id] = running
                    await self.tell(event="opened", id=id)
                    while data := await running.read():
                        await self.tell(event="out", id=id, text=data.decode(errors="replace"))
                    outcome = await running.wait()
            except ExecFailed as error:
                await self.tell(event="failed", id=id, text=str(error))
                return
            await self.tell(event="outcome", id=id, exit=outcome.exit, limit=outcome.limit and outcome.limit.limit,
                            complaints=running.complaints(), ms=(trio.current_time() - start) * 1000)  # fmt: skip
            return
        await self.tell(event="cancelled", id=id, ms=(trio.current_time() - start) * 1000)

    async def terminal(self, order: dict[str, Any]) -> None:
        """Runs a program in a terminal: "type" by number, what it shows is told as of a run."""
        id = order["id"]
        pair = self.terminals[id] = Pair(PtySize(rows=24, cols=80))

        async def show() -> None:
            while data := await pair.read():
                await self.tell(event="out", id=id, text=data.decode(errors="replace"))

        env = {"PATH": os.environ["PATH"], "PS1": "$ "} | order.get("more", {})
        async with trio.open_nursery() as nursery:
            begun = Terminal(pair.theirs, lambda: (pair.hand_over(), nursery.start_soon(show))[0])
            command = Command(order["argv"], order.get("cwd", "/tmp"), env, terminal=begun)
            try:
                outcome = await self.exec.run(command, on_stdout=_nowhere)
            except ExecFailed as error:
                await self.tell(event="failed", id=id, text=str(error), errno=error.errno)
                pair.close()
                return
            await self.exec.destroy_all()
        await self.tell(event="outcome", id=id, exit=outcome.exit, left_running=outcome.left_running)

    async def type(self, order: dict[str, Any]) -> None:
        await self.terminals[order["id"]].write(order["text"].encode())

    async def write(self, order: dict[str, Any]) -> None:
        try:
            await self.programs[order["id"]].write(order["text"].encode() * order.get("times", 1))
        except ProgramEnded as error:
            await self.tell(event="ended", id=order["id"], text=str(error))
        else:
            await self.tell(event="written", id=order["id"])

    async def close_input(self, order: dict[str, Any]) -> None:
        self.programs[order["id"]].close_input()

    async def cancel(self, order: dict[str, Any]) -> None:
        start = trio.current_time()
        self.scopes[order["id"]].cancel()
        del start

    async def destroy_all(self, order: dict[str, Any]) -> None:
        del order
        start = trio.current_time()
        answer = await self.exec.destroy_all()
        await self.tell(event="destroyed", killed=answer.killed, survivors=answer.survivors,
                        ms=(trio.current_time() - start) * 1000)  # fmt: skip

    async def look(self, order: dict[str, Any]) -> None:
        del order
        await self.tell(event="seen", tasks=len(os.listdir("/proc/self/fd")), pids=sorted(
            int(name) for name in os.listdir("/proc") if name.isdigit()))  # fmt: skip


async def _nowhere(chunk: bytes) -> None:
    raise AssertionError(chunk)
