"""Programs that do not want to end, through every entrance at once, against every way in which things end.

All programs of the zoo run in each entrance, each with marks of its own on its command lines. Whatever is aborted, shot
or stopped then: no process of theirs lives afterwards, and no zombie is left.
"""

import os
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest
import trio

from ..model import Model
from ..server import is_alive, kill, until
from .cage import Cage, open_cage
from .conftest import USERS
from .entrances import ENTRANCES
from .scene import build_scene

ZOO = Path(__file__).parents[2] / "zoo"
PROGRAMS = sorted(path for path in ZOO.iterdir() if path.suffix in (".sh", ".py"))
BUSY = ("hydra.py",)  # let loose last, for nobody else gets far beside several of these
GENERATIONS = 30
PATIENCE_S = 60


class Cast(NamedTuple):
    """``sessions`` of the entrances that have one, ``marks`` of each of their programs."""

    cage: Cage
    sessions: list[str]
    marks: list[str]


# --- endings: each returns when all is over ---------------------------------------------------------------------------


async def abort(cast: Cast) -> None:
    async with trio.open_nursery() as nursery:
        for session in cast.sessions:
            nursery.start_soon(cast.cage.server.ask, "POST", f"/session/{session}/abort")
    await dispose(cast)


async def end_session(cast: Cast) -> None:
    async with trio.open_nursery() as nursery:
        for session in cast.sessions:
            nursery.start_soon(cast.cage.server.ask, "DELETE", f"/session/{session}")
    await dispose(cast)


async def dispose(cast: Cast) -> None:
    """For what belongs to the directory."""
    for terminal in await cast.cage.server.ask("GET", "/pty"):
        await cast.cage.server.ask("DELETE", f"/pty/{terminal['id']}")
    await cast.cage.server.ask("POST", "/instance/dispose")


async def kill_workers(cast: Cast) -> None:
    for worker in cast.cage.server.named("oad-session", "worker"):
        kill(worker)
    await until(lambda: not living(cast.marks), "all is over", timeout_s=5)


async def kill_inits(cast: Cast) -> None:
    for init in cast.cage.server.named("oad-session", "init"):
        kill(init)
    await until(lambda: not living(cast.marks), "all is over", timeout_s=5)


async def kill_daemon(cast: Cast) -> None:
    kill(cast.cage.server.one("oad-daemon"))
    await until(lambda: not living(cast.marks), "all is over", timeout_s=5)
    await until(cast.cage.server._healthy, "it serves again")


async def kill_zygote(cast: Cast) -> None:
    """Sessions live on without it. What is aborted then is as dead as ever, and the next ones are born of another."""
    kill(cast.cage.server.one("oad-zygote"))
    await abort(cast)
    assert await cast.cage.server.prompt(await cast.cage.session(), "run echo on")


async def kill_gateway(cast: Cast) -> None:
    """Sessions live on without it, too."""
    kill(cast.cage.server.one("oad-gateway"))
    await until(cast.cage.server._healthy, "it serves again")
    await abort(cast)


async def kill_everything(cast: Cast) -> None:
    await cast.cage.server.kill_everything()
    await until(lambda: not living(cast.marks), "all is over", timeout_s=5)


async def stop_service(cast: Cast) -> None:
    assert await cast.cage.server.stop() == 0


Ending = Callable[[Cast], Awaitable[None]]
ENDINGS: dict[str, Ending] = {
    "abort": abort,
    "end of the session": end_session,
    "workers are killed": kill_workers,
    "inits are killed": kill_inits,
    "the daemon is killed": kill_daemon,
    "the zygote is killed, then abort": kill_zygote,
    "the gateway is killed, then abort": kill_gateway,
    "everything is killed": kill_everything,
    "the service stops": stop_service,
}
CASES = [("root", name) for name in ENDINGS] + [("nobody", "abort"), ("nobody", "the daemon is killed")]


# --- the test ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def arena(request: pytest.FixtureRequest, model: Model) -> Iterator[Cage]:
    if os.geteuid() != 0:
        pytest.skip("needs root: it becomes nobody for a part")
    with build_scene(USERS[request.param]) as scene, open_cage(scene, model) as cage:
        yield cage


@pytest.mark.parametrize(("arena", "ending"), CASES, indirect=["arena"])
async def test_nothing_survives(arena: Cage, ending: str) -> None:
    marks: list[str] = []
    witnesses: list[str] = []
    async with trio.open_nursery() as nursery:
        for number, entrance in enumerate(ENTRANCES):
            zoo = release(arena, number)
            nursery.start_soon(enter, arena, entrance, zoo.command)
            await until(Seen(zoo.calm).all, f"all programs run in {entrance}", timeout_s=PATIENCE_S)
            marks += [*zoo.calm, *zoo.busy, zoo.witness]
            witnesses.append(zoo.witness)
        (arena.scene.workspace / "go").write_text("")
        await until(Seen(witnesses).all, "the busy ones run, too", timeout_s=PATIENCE_S)
        sessions = [each["id"] for each in await arena.server.ask("GET", "/session")]
        before = arena.server.remember()
        await ENDINGS[ending](Cast(arena, sessions, marks))
        assert [living(marks) for _ in range(3)] == [set()] * 3
        nursery.cancel_scope.cancel()
    # Zombies of a server that was shot as a whole are the host's to reap; all others are reaped when it is over.
    await until(lambda: not any(is_zombie(process) for process in before), "no zombie is left", timeout_s=5)
    if "service" in ending or "everything" in ending:
        await until(lambda: not any(is_alive(process) for process in before), "nothing of the server is left")


class Seen:
    """Not all need to be seen at the same look: some end as soon as they have left somebody behind."""

    def __init__(self, marks: list[str]) -> None:
        self._marks = marks
        self._seen: set[str] = set()

    def all(self) -> bool:
        self._seen |= living(self._marks)
        return self._seen == set(self._marks)


async def enter(cage: Cage, entrance: str, command: str) -> None:
    """Its answer is cut off, or tells of an end; neither is of interest."""
    try:
        await ENTRANCES[entrance].run(cage, command)
    except Exception:
        await trio.lowlevel.checkpoint()


class Release(NamedTuple):
    """The marks of the calm ones, and of the busy ones, which wait for a file ``go``. One that changes its number all
    the time is hardly ever seen: the ``witness`` is a process that is started when all are ready."""

    command: str
    calm: list[str]
    busy: list[str]
    witness: str


def release(cage: Cage, number: int, *, until_told: bool = False) -> Release:
    """A command that starts the whole zoo, and goes on: for ever, or until there is a file ``end``."""
    place = cage.scene.workspace / f"zoo{number}"
    place.mkdir()
    lines: dict[bool, list[str]] = {False: [], True: []}
    marks: dict[bool, list[str]] = {False: [], True: []}
    for position, program in enumerate(PROGRAMS):
        (place / program.name).write_text(program.read_text())
        mark, busy = f"8{number}{position:02d}.{os.getpid()}", program.name in BUSY
        interpreter = "bash" if program.suffix == ".sh" else "/usr/bin/python3"
        marks[busy].append(mark)
        ready = f"/tmp/ready-{mark}"
        lines[busy].append(f"(bash -c '{interpreter} {place}/{program.name} {mark} {GENERATIONS}; true' > {ready} &)")
        if busy:
            lines[busy].append(f"until [ -s {ready} ]; do sleep 0.05; done")
    witness = f"8{number}99.{os.getpid()}"
    wait = f"until [ -e {cage.scene.workspace}/go ]; do sleep 0.1; done"
    stay = f"sleep {witness}"
    if until_told:
        stay += f" &\nuntil [ -e {cage.scene.workspace}/end ]; do sleep 0.1; done"
    (place / "all.sh").write_text("\n".join([*lines[False], wait, *lines[True], stay]))
    cage.scene.give()
    return Release(f"bash {place}/all.sh", marks[False], marks[True], witness)


def living(marks: list[str]) -> set[str]:
    """Those of the marks that any process carries as an argument, zombies excepted, which have none."""
    wanted = {mark.encode() for mark in marks}
    found: set[bytes] = set()
    for name in os.listdir("/proc"):
        if name.isdigit():
            found |= wanted.intersection(command_line(name))
    return {mark.decode() for mark in found}


def command_line(pid: str) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return []


def is_zombie(process: psutil.Process) -> bool:
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
