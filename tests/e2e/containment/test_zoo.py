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
    async with trio.open_nursery() as nursery:
        for number, entrance in enumerate(ENTRANCES):
            command, own = release(arena, number)
            nursery.start_soon(enter, arena, entrance, command)
            await until(Seen(own).all, f"all programs run in {entrance}")
            marks += own
        sessions = [each["id"] for each in await arena.server.ask("GET", "/session")]
        before = arena.server.remember()
        await ENDINGS[ending](Cast(arena, sessions, marks))
        assert living(marks) == set()
        nursery.cancel_scope.cancel()
    # Zombies of a server that was shot as a whole are the host's to reap; all others are reaped when it is over.
    await until(lambda: not any(is_zombie(process) for process in before), "no zombie is left", timeout_s=5)
    if "service" in ending or "everything" in ending:
        await until(lambda: not any(is_alive(process) for process in before), "nothing of the server is left")


class Seen:
    """One that changes its number all the time is not seen at every look."""

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


def release(cage: Cage, number: int) -> tuple[str, list[str]]:
    """A command that starts the whole zoo and goes on, and the marks by which its programs are known."""
    place = cage.scene.workspace / f"zoo{number}"
    place.mkdir()
    lines: list[str] = []
    marks: list[str] = []
    for program in PROGRAMS:
        (place / program.name).write_text(program.read_text())
        marks.append(f"8{number}{len(marks):02d}.{os.getpid()}")
        interpreter = "bash" if program.suffix == ".sh" else "/usr/bin/python3"
        lines.append(f"(bash -c '{interpreter} {place}/{program.name} {marks[-1]}; true' &)")
    (place / "all.sh").write_text("\n".join([*lines, f"sleep 8{number}99"]))
    cage.scene.give()
    return f"bash {place}/all.sh", marks


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
