"""Sessions opened, used and closed, one after another: the service is afterwards what it was before.

OAD_MANY_SESSIONS says how many; `make endurance` takes a thousand.
"""

import os
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import psutil
import trio

from ..model import Model
from ..server import Json, Server, is_alive, until
from .cage import Cage, open_cage
from .scene import build_scene

HOW_MANY = int(os.environ.get("OAD_MANY_SESSIONS", "12"))
SIDE_BY_SIDE = 4
WARM = 8


class Footprint(NamedTuple):
    """``descriptors`` of each process that lives as long as the service, by its title; ``files`` of its data, but what
    grows by design: database, logs and audit log. ``namespaces`` are those that any process of the host is in, or
    that the service holds open."""

    processes: Counter[str]
    descriptors: dict[str, int]
    mounts: int
    sockets: int
    files: int
    temporary: int
    namespaces: int


def footprint(server: Server) -> Footprint:
    living = [psutil.Process(server.pid), *(process for process in server.processes() if is_alive(process))]
    return Footprint(
        Counter(role(process) for process in living),
        {role(process): process.num_fds() for process in living},
        len(Path("/proc/self/mountinfo").read_text().splitlines()),
        sum(str(server.data) in line for line in Path("/proc/net/unix").read_text().splitlines()),
        sum(1 for path in server.data.rglob("*") if not path.name.startswith(("oad.db", "audit", "oad.log"))),
        sum(1 for _ in (server.data.parent / "tmp").rglob("*")),
        len({network for process in living for network in networks(process)}),
    )


def is_as(after: Footprint, before: Footprint) -> bool:
    """Descriptors vary by a few, with how many sessions there happened to be at the same moment: ZeroMQ keeps slots."""
    grown = {role: count - before.descriptors.get(role, 0) for role, count in after.descriptors.items()}
    return after._replace(descriptors={}) == before._replace(descriptors={}) and max(grown.values()) <= 4


def role(process: psutil.Process) -> str:
    words = " ".join(process.cmdline()).split()
    return " ".join(words[:1] if words[0] != "oad-session" else [words[0], words[-1]])


def networks(process: psutil.Process) -> set[str]:
    """Network namespaces that it is in or holds open."""
    links = [Path(f"/proc/{process.pid}/ns/net"), *Path(f"/proc/{process.pid}/fd").iterdir()]
    found: set[str] = set()
    for link in links:
        try:
            target = os.readlink(link)
        except OSError:
            continue
        if target.startswith("net:"):
            found.add(target)
    return found


async def use(cage: Cage, number: int) -> None:
    """A life: a command in a network of its own, one in the background, a prompt, and the end."""
    wish = {"network": "allow", "allow": ["git.example.org"]} if number % 2 else {"network": "off"}
    session = await cage.server.create(sandbox=wish)
    shell: Json = {"agent": "build", "command": f"echo {number} > /tmp/x; sleep 300 & echo $!"}
    await cage.server.ask("POST", f"/session/{session}/shell", shell)
    if number % 4 == 0:
        await cage.server.prompt(session, "hello")
    await cage.server.ask("DELETE", f"/session/{session}")


async def open_and_close(cage: Cage, how_many: int) -> None:
    numbers = iter(range(how_many))

    async def work() -> None:
        for number in numbers:
            await use(cage, number)

    async with trio.open_nursery() as nursery:
        for _ in range(SIDE_BY_SIDE):
            nursery.start_soon(work)


def test_nothing_is_left(model: Model) -> None:
    with build_scene(0) as scene, open_cage(scene, model) as cage:
        trio.run(compare, cage)


async def compare(cage: Cage) -> None:
    await open_and_close(cage, WARM)
    await dispose(cage)
    before = footprint(cage.server)
    await open_and_close(cage, HOW_MANY)
    await dispose(cage)
    with trio.move_on_after(10):  # connections of clients that have left are closed a moment later
        while not is_as(footprint(cage.server), before):  # noqa: ASYNC110  it comes true in other processes
            await trio.sleep(0.1)
    after = footprint(cage.server)
    print(f"{HOW_MANY} sessions: before {before}\nafter {after}")
    assert is_as(after, before), (before, after)
    below = psutil.Process(cage.server.pid).children(recursive=True)
    assert [process for process in below if process.status() == psutil.STATUS_ZOMBIE] == []


async def dispose(cage: Cage) -> None:
    for directory in (cage.scene.workspace, cage.scene.other):
        await cage.server.ask("POST", f"/instance/dispose?directory={directory}")
    await until(lambda: not cage.server.named("oad-session"), "no session is left")
