"""A session without its worker and daemon: the same init, view and holder's work, as any user, for one command each."""

import os
import socket
import subprocess
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import msgspec

from oad.contract.policy import Policy, Profile
from oad.contract.sandbox import Confinement, SandboxWish, worker_writable
from oad.contract.worker import Run, WorkerSpec
from oad.daemon import procs
from oad.daemon.enclosure import Enclosure
from oad.workers.sandbox.landlock import restrict_worker

from .scene import Scene

_BYTES = 1 << 20
_TIMEOUT_S = 20


class Ask(msgspec.Struct):
    """``worker``: the script is Python, and done by the process that the file tools run in."""

    script: str
    env: dict[str, str]
    cwd: str
    profile: Profile | None = None
    worker: bool = False
    reader: bool = False


class Result(msgspec.Struct):
    status: int
    output: str


def environment(scene: Scene) -> dict[str, str]:
    path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    return {"PATH": path, "HOME": str(scene.home), "LC_ALL": "C", **scene.names()}


class Cell:
    def __init__(self, scene: Scene, sock: socket.socket) -> None:
        self._scene = scene
        self._sock = sock

    def run(
        self, script: str, *, profile: Profile | None = None, cwd: str = "", worker: bool = False, reader: bool = False
    ) -> Result:
        asked = Ask(script, environment(self._scene), cwd or str(self._scene.workspace), profile, worker, reader)
        self._sock.send(msgspec.msgpack.encode(asked))
        return msgspec.msgpack.decode(self._sock.recv(_BYTES), type=Result)


def run_outside(scene: Scene, script: str) -> Result:
    """The same act without a sandbox: the control."""
    return _execute(["/bin/bash", "-c", script], environment(scene), str(scene.workspace), scene.user)


@contextmanager
def open_cell(scene: Scene, policy: Policy, wish: SandboxWish) -> Iterator[Cell]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BYTES)
    confinement = scene.confinement(policy, wish)
    if scene.scratch.exists():
        subprocess.run(["chown", "-R", f"{scene.user}:{scene.user}", str(scene.data)], check=True)
    pid = os.fork()
    if pid == 0:
        ours.close()
        _be_middleman(scene, confinement, theirs)
    theirs.close()
    try:
        ready = msgspec.msgpack.decode(ours.recv(_BYTES), type=Result)
        assert ready.status == 0, ready.output
        yield Cell(scene, ours)
    finally:
        ours.close()
        os.waitpid(pid, 0)


def _be_middleman(scene: Scene, confinement: Confinement, sock: socket.socket) -> NoReturn:
    try:
        if scene.user != os.getuid():
            os.setgroups([])
            os.setgid(scene.user)
            os.setuid(scene.user)
        if confinement.level == "namespaces":
            procs.enter_pid_namespace()
        pid = os.fork()
        if pid == 0:
            _be_init(confinement, sock)
        os.waitpid(pid, 0)
    except BaseException:
        sock.send(msgspec.msgpack.encode(Result(-1, traceback.format_exc())))
    finally:
        os._exit(0)


def _be_init(confinement: Confinement, sock: socket.socket) -> NoReturn:
    try:
        enclosure = Enclosure(confinement)
        if confinement.level == "namespaces":
            procs.mount_private_proc()
        enclosure.enter()
        enclosure.shield_worker()
        sock.send(msgspec.msgpack.encode(Result(0, "")))
        while packet := sock.recv(_BYTES):
            asked = msgspec.msgpack.decode(packet, type=Ask)
            if os.fork() == 0:
                _serve(enclosure, asked, sock)
            os.wait()
    except BaseException:
        sock.send(msgspec.msgpack.encode(Result(-1, traceback.format_exc())))
    finally:
        os._exit(0)


def _serve(enclosure: Enclosure, asked: Ask, sock: socket.socket) -> NoReturn:
    result = Result(-1, "")
    try:
        result = _as_worker(enclosure, asked) if asked.worker else _as_command(enclosure, asked)
    except BaseException:
        result = Result(-1, traceback.format_exc())
    finally:
        sock.send(msgspec.msgpack.encode(result))
        os._exit(0)


def _as_command(enclosure: Enclosure, asked: Ask) -> Result:
    request = Run(1, ["/bin/bash", "-c", asked.script], asked.cwd, asked.env, asked.profile, reader=asked.reader)
    confined = enclosure.confine(request)
    return _execute(confined.argv, confined.env, asked.cwd, os.getuid(), confined.inherited)


def _as_worker(enclosure: Enclosure, asked: Ask) -> Result:
    confinement = enclosure.confinement
    restrict_worker(
        WorkerSpec(
            kind="session",
            name="ses_a",
            directory=asked.cwd,
            endpoint="",
            scratch=confinement.scratch,
            writable=list(worker_writable(confinement)),
            confinement=confinement,
        )
    )
    os.environ.update(asked.env)
    os.chdir(asked.cwd)
    try:
        exec(asked.script, {"os": os, "Path": Path})
    except (OSError, ValueError, AssertionError) as error:
        return Result(1, f"{type(error).__name__}: {error}")
    return Result(0, "")


def _execute(argv: list[str], env: Mapping[str, str], cwd: str, user: int, inherited: tuple[int, ...] = ()) -> Result:
    switch = {"user": user, "group": user, "extra_groups": []} if user != os.getuid() else {}
    done = subprocess.run(
        argv, env=env, cwd=cwd, pass_fds=inherited, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, timeout=_TIMEOUT_S, start_new_session=True, check=False, **switch,
    )  # fmt: skip
    return Result(done.returncode, done.stdout.decode(errors="replace"))
