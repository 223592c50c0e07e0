"""The zoo at entrances that are open for a moment: a formatter after an edit, and a language server.

What they start ends with the edit's turn, with the directory, with their worker, and as jobs of the session's.
"""

import os
from collections.abc import Awaitable, Callable, Iterator

import pytest
import trio

from ..model import Model
from ..server import kill, until
from .cage import Cage, open_cage
from .entrances import PASSING
from .scene import build_scene
from .test_zoo import PATIENCE_S, Seen, living, release

# A formatter has 15 s: on a busy host that may be over before all programs run, and they are let loose once more.
_TRIES = 3


@pytest.fixture(scope="module")
def arena(model: Model) -> Iterator[Cage]:
    if os.geteuid() != 0:
        pytest.skip("needs root: its scene has files of another user")
    with build_scene(0) as scene, open_cage(scene, model) as cage:
        yield cage


async def abort(cage: Cage) -> None:
    for session in [each["id"] for each in await cage.server.ask("GET", "/session")]:
        await cage.server.ask("POST", f"/session/{session}/abort")


async def end_by_itself(cage: Cage) -> None:
    """Everybody is left behind, as a job of the session's."""
    (cage.scene.workspace / "end").touch()
    sessions = [each["id"] for each in await cage.server.ask("GET", "/session")]

    async def are_jobs() -> bool:
        return any([await cage.server.ask("GET", f"/session/{session}/job") for session in sessions])

    await until(are_jobs, "they are jobs")
    await abort(cage)


async def dispose(cage: Cage) -> None:
    await cage.server.ask("POST", "/instance/dispose")


async def kill_workers(cage: Cage) -> None:
    for worker in cage.server.named("oad-session", "worker"):
        kill(worker)


Ending = Callable[[Cage], Awaitable[None]]
CASES: dict[str, tuple[str, Ending]] = {
    "a formatter ends, then abort": ("formatter", end_by_itself),
    "a formatter is aborted": ("formatter", abort),
    "a formatter's worker is killed": ("formatter", kill_workers),
    "a language server's directory ends": ("language server", dispose),
    "a language server's worker is killed": ("language server", kill_workers),
}


@pytest.mark.parametrize("case", CASES)
async def test_nothing_survives(arena: Cage, case: str) -> None:
    entrance, end = CASES[case]
    for attempt in range(_TRIES):
        number = list(CASES).index(case) + len(CASES) * attempt
        zoo = release(arena, number, until_told=True)
        (arena.scene.workspace / "go").touch()
        (arena.scene.workspace / "end").unlink(missing_ok=True)
        async with trio.open_nursery() as nursery:
            seen = Seen([*zoo.calm, zoo.witness])
            over = trio.Event()
            nursery.start_soon(enter, arena, entrance, zoo.command, over)
            await until(lambda seen=seen, over=over: seen.all() or over.is_set(), "all run", timeout_s=PATIENCE_S)  # type: ignore[misc]
            if seen.all():
                await end(arena)
                marks = [*zoo.calm, *zoo.busy, zoo.witness]
                await until(lambda marks=marks: not living(marks), "nobody is left", timeout_s=20)  # type: ignore[misc]
                nursery.cancel_scope.cancel()
                break
            nursery.cancel_scope.cancel()
    else:
        raise AssertionError("the programs never ran")
    assert [living(marks) for _ in range(3)] == [set()] * 3
    assert await arena.server.prompt(await arena.session(), "run echo on")


async def enter(cage: Cage, entrance: str, command: str, over: trio.Event) -> None:
    """Its answer is cut off, or tells of an end; neither is of interest."""
    try:
        await PASSING[entrance].run(cage, command)
    except Exception:
        await trio.lowlevel.checkpoint()
    over.set()
