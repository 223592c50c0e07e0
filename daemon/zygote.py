"""The zygote: a fork server with one thread and all imports done.

Forking from it takes a few milliseconds and shares its memory; starting an interpreter takes 150 ms and shares nothing.
It never makes a trio loop, a ZeroMQ context or a thread, because none of those survives a fork.

The first zygote is forked by the daemon before trio starts. One that dies is replaced by executing this module afresh
(``launch_zygote``): by then the daemon has threads and must not fork itself.
"""

import contextlib
import gc
import importlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from typing import NamedTuple, NoReturn

import msgspec
import setproctitle

from oad.contract.worker import Level

from . import procs
from .birth import Birth, give_birth
from .doctor import find_level

ENTRY = "oad.workers.main:run"
PRELOAD = ("trio", "msgspec", "zmq", "openai", "oad.workers.main", "oad.workers.warm")
PACKET_BYTES = 1024 * 1024


class Preload(msgspec.Struct, tag="preload", frozen=True):
    module: str


class Ready(msgspec.Struct, tag="ready", frozen=True):
    """The first message of a zygote. ``missing`` names modules that could not be imported, and why."""

    level: Level
    weakness: str  # why it is not "pidns"
    boot_ms: float
    missing: dict[str, str]


class Preloaded(msgspec.Struct, tag="preloaded", frozen=True):
    module: str
    problem: str = ""


Request = Birth | Preload
Reply = Ready | Preloaded


class Zygote(NamedTuple):
    """``pid`` is a child of this process; ``sock`` carries requests and replies; ``entry`` is what workers run."""

    pid: int
    sock: socket.socket
    preload: tuple[str, ...]
    entry: str


def start_zygote(preload: Sequence[str] = PRELOAD, entry: str = ENTRY) -> Zygote:
    """Forks it. Only for a process with a single thread; raises RuntimeError in others."""
    if procs.thread_count() > 1:
        raise RuntimeError("a process with threads must not fork a zygote; use launch_zygote")
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        ours.close()
        _run_and_exit(theirs, tuple(preload), parent)
    theirs.close()
    return _prepared(pid, ours, preload, entry)


def launch_zygote(preload: Sequence[str] = PRELOAD, entry: str = ENTRY) -> Zygote:
    """Executes it. Call it on the main thread, whose death the parent-death signal then means."""
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError("a zygote dies with the thread that started it; start it on the main thread")
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        code = f"from {__name__} import main; main()"
        command = [sys.executable, "-c", code, str(theirs.fileno()), str(os.getpid()), *preload]
        path = os.pathsep.join(filter(None, sys.path))
        process = subprocess.Popen(
            command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, env=os.environ | {"PYTHONPATH": path}
        )
    # Its owner waits for it by pidfd; Popen must not reap it as well, nor complain that nobody did.
    process.returncode = 0
    return _prepared(process.pid, ours, preload, entry)


def main() -> NoReturn:
    fd, parent, *preload = sys.argv[1:]
    _run_and_exit(socket.socket(fileno=int(fd)), tuple(preload), int(parent))


def _prepared(pid: int, sock: socket.socket, preload: Sequence[str], entry: str) -> Zygote:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2 * PACKET_BYTES)
    return Zygote(pid, sock, tuple(preload), entry)


def _run_and_exit(sock: socket.socket, preload: tuple[str, ...], parent: int) -> NoReturn:
    status = 70
    try:
        procs.die_with_parent(signal.SIGKILL)
        if os.getppid() == parent:
            os.setsid()  # signals of the terminal are for the daemon
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            procs.close_all_but([sock.fileno()])
            _Server(sock).run(preload)
            status = 0
    except (KeyboardInterrupt, ConnectionError):
        status = 0
    except BaseException:  # noqa: BLE001  the last frame of this process
        import traceback

        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.flush()
        os._exit(status)


class _Server:
    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._decode = msgspec.msgpack.Decoder[Request](Request).decode
        self._level: Level = "subreaper"

    def run(self, preload: Sequence[str]) -> None:
        """Serves until the daemon closes its end."""
        started = time.monotonic()
        setproctitle.setproctitle("oad-zygote")
        procs.hide_memory()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        missing = {module: problem for module in preload if (problem := _import(module))}
        self._level, weakness = find_level()
        _freeze()
        if procs.thread_count() > 1:
            raise RuntimeError("an import started a thread; children of this process could hang")
        self._reply(Ready(self._level, weakness, (time.monotonic() - started) * 1000, missing))
        while self._serve_one():
            pass

    def _serve_one(self) -> bool:
        packet, fds, _flags, _address = socket.recv_fds(self._sock, PACKET_BYTES, 1, socket.MSG_CMSG_CLOEXEC)
        if not packet:
            return False
        request = self._decode(packet)
        if isinstance(request, Preload):
            problem = _import(request.module)
            _freeze()
            self._reply(Preloaded(request.module, problem))
        else:
            with socket.socket(fileno=fds[0]) as control:
                give_birth(request, self._level, control)
        return True

    def _reply(self, reply: Reply) -> None:
        self._sock.send(msgspec.msgpack.encode(reply))


def _import(module: str) -> str:
    """What went wrong, or nothing."""
    try:
        importlib.import_module(module)
    except Exception as error:  # noqa: BLE001  a broken module must not cost the others; its user will meet it again
        return f"{type(error).__name__}: {error}"
    return ""


def _freeze() -> None:
    """Collections would write to objects which all children share."""
    gc.enable()
    gc.collect()
    gc.disable()
    gc.freeze()
