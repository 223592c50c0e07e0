"""Random edits by a session and by others: a revert takes back its own and nothing else, an unrevert everything."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oad.contract.errors import ApiError
from oad.workers.snapshots.keeper import Snapshots
from oad.workers.tools.bash import BashTool
from oad.workers.tools.write import WriteTool

from ..project.local_exec import LocalExec
from ..snapshots.project import files_of, make_project, snapshots_of
from .fakes import World, call, finish, text

NAMES = ("README.md", "src/a.txt", "src/deep/b.txt", "new.txt", "made/here/c.txt")
Edit = tuple[str, str, str]  # who, where, what: "" removes
WRITE, PROGRAM, OTHER = "write", "program", "other"

edits = st.tuples(st.sampled_from((WRITE, PROGRAM, OTHER)), st.sampled_from(NAMES), st.sampled_from(("", "1\n", "2\n")))
turns = st.lists(st.lists(edits, max_size=4), min_size=1, max_size=4)


class Session:
    """A session in a project of its own."""

    def __init__(self, project: Path, snapshots: Snapshots | None = None) -> None:
        self.project = project
        self.world = World(
            project, tools=[WriteTool(), BashTool()], exec=LocalExec(), snapshots=snapshots or snapshots_of(project)
        )

    async def turn(self, number: int, turn: list[Edit]) -> set[str]:
        """A prompt with one step for each edit. Returns what has changed."""
        before = files_of(self.project)
        self.world.model.scripts += [[*self._call(*edit), *finish("tool-calls")] for edit in turn]
        self.world.model.scripts.append([*text("done"), *finish()])
        await self.world.prompt("go", messageID=f"msg_{number}")
        after = files_of(self.project)
        return {name for name in {*before, *after} if before.get(name) != after.get(name)}

    def _call(self, who: str, where: str, what: str) -> list[Any]:
        if who == WRITE and what:
            return call("write", {"filePath": str(self.project / where), "content": what})
        command = f"mkdir -p $(dirname {where}); printf '{what}' > {where}" if what else f"rm -f {where}"
        return call("bash", {"command": command, "description": "d"})

    async def revert(self, number: int, **more: Any) -> Any:
        return await self.world.do("revert", {"messageID": f"msg_{number}", **more})


def change(path: Path, content: str) -> None:
    if content:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    else:
        path.unlink(missing_ok=True)


async def with_session(project: Path, work: Callable[[Session], Any], snapshots: Snapshots | None = None) -> None:
    session = Session(project, snapshots)
    async with trio.open_nursery() as nursery:
        await nursery.start(session.world.worker.run)
        await work(session)
        nursery.cancel_scope.cancel()


@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
@given(turns, st.data())
def test_a_revert_takes_back_what_the_session_did_and_an_unrevert_all_of_it(
    todo: list[list[Edit]], data: st.DataObject
) -> None:
    async def work(session: Session) -> None:
        states: list[tuple[dict[str, str], set[str]]] = []
        for number, turn in enumerate(todo):
            for _, where, what in (edit for edit in turn if edit[0] == OTHER):
                change(session.project / where, what)
            before = files_of(session.project)
            states.append((before, await session.turn(number, [edit for edit in turn if edit[0] != OTHER])))
        for _, where, what in data.draw(st.lists(edits, max_size=2)):
            change(session.project / where, what)
        now = files_of(session.project)
        for number in data.draw(st.lists(st.integers(0, len(todo) - 1), min_size=1, max_size=3)):
            answer = await session.revert(number)
            assert answer["revert"]["messageID"] == f"msg_{number}"
            assert answer["revert"].get("problem") is None
            assert files_of(session.project) == expected(now, states[number:])
        assert "revert" not in await session.world.do("unrevert", {})
        assert files_of(session.project) == now

    # A git that is still being ended may write while all is removed.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:
        trio.run(with_session, make_project(Path(place, "project")), work)


def expected(now: dict[str, str], states: list[tuple[dict[str, str], set[str]]]) -> dict[str, str]:
    """Each file that the session changed in these turns as it was before the first of them that did."""
    wanted = dict(now)
    for before, changed in reversed(states):
        for name in changed:
            if name in before:
                wanted[name] = before[name]
            else:
                wanted.pop(name, None)
    return wanted


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make_project(tmp_path / "project")


def events(session: Session, type: str) -> list[Any]:
    return [properties for seen, properties, _ in session.world.link.events if seen == type]


async def test_what_is_told_of_a_session_that_changes_files(project: Path) -> None:
    async def work(session: Session) -> None:
        await session.turn(1, [(WRITE, "new.txt", "1\n")])
        await session.turn(2, [(PROGRAM, "README.md", ""), (WRITE, "new.txt", "2\n")])
        parts = [part for part in session.world.link.parts.values() if part["type"] == "patch"]
        assert [part["files"] for part in parts] == [
            [str(project / "new.txt")],
            [str(project / "README.md")],
            [str(project / "new.txt")],
        ]
        diffs = session.world.link.infos["msg_2"]["summary"]["diffs"]
        assert [(diff["file"], diff["status"]) for diff in diffs] == [("README.md", "deleted"), ("new.txt", "modified")]
        told = events(session, "session.diff")[-1]["diff"]
        assert [(diff["file"], diff["status"]) for diff in told] == [("README.md", "deleted"), ("new.txt", "added")]
        assert session.world.link.session.summary is not None
        assert (session.world.link.session.summary.files, session.world.link.session.summary.additions) == (2, 1)

    await with_session(project, work)


async def test_the_session_as_told_is_what_is_still_in_force(project: Path) -> None:
    async def work(session: Session) -> None:
        await session.turn(1, [(WRITE, "new.txt", "1\n")])
        await session.turn(2, [(WRITE, "README.md", "1\n")])
        answer = await session.revert(2)
        assert answer["summary"]["files"] == 1
        assert [diff["file"] for diff in events(session, "session.diff")[-1]["diff"]] == ["new.txt"]
        assert answer["revert"]["diff"].startswith("diff --git a/README.md b/README.md\n")
        assert (await session.world.do("unrevert", {}))["summary"]["files"] == 2

    await with_session(project, work)


async def test_the_next_prompt_makes_a_revert_final(project: Path) -> None:
    async def work(session: Session) -> None:
        await session.turn(1, [(WRITE, "new.txt", "1\n")])
        await session.turn(2, [(WRITE, "new.txt", "2\n")])
        await session.revert(2)
        await session.turn(3, [])
        assert "msg_2" not in session.world.link.infos
        assert "revert" not in await session.world.do("unrevert", {})
        assert files_of(project)["new.txt"] == "1\n"
        await session.revert(1)
        assert "new.txt" not in files_of(project)

    await with_session(project, work)


async def test_a_message_that_does_not_exist_is_no_matter(project: Path) -> None:
    async def work(session: Session) -> None:
        await session.turn(1, [(WRITE, "new.txt", "1\n")])
        assert "revert" not in await session.revert(9)
        assert files_of(project)["new.txt"] == "1\n"

    await with_session(project, work)


async def test_a_busy_session_is_not_reverted(project: Path) -> None:
    async def work(session: Session) -> None:
        go = trio.Event()
        session.world.model.scripts.append([go, *text("x"), *finish()])
        async with trio.open_nursery() as nursery:
            nursery.start_soon(session.world.prompt, "slow")
            await session.world.model.called.wait()
            for op, body in (("revert", {"messageID": "msg_1"}), ("unrevert", {})):
                with pytest.raises(ApiError) as caught:
                    await session.world.do(op, body)
                assert caught.value.status == 409
            go.set()

    await with_session(project, work)


async def test_a_turn_that_was_cut_off_can_be_reverted(project: Path) -> None:
    async def work(session: Session) -> None:
        world = session.world
        script = [*call("write", {"filePath": str(project / "new.txt"), "content": "1\n"}), trio.Event()]
        world.model.scripts.append(script)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_ask, world, "msg_1")
            await world.link.seen(lambda seen, properties: seen == "file.edited")
            world.worker.abort()
        await session.revert(1)
        assert "new.txt" not in files_of(project)
        await world.do("unrevert", {})
        assert files_of(project)["new.txt"] == "1\n"

    await with_session(project, work)


async def _ask(world: World, id: str) -> None:
    await world.prompt("go", messageID=id)


async def test_without_snapshots_the_files_stay_and_it_is_said(project: Path) -> None:
    async def work(session: Session) -> None:
        await session.turn(1, [(WRITE, "new.txt", "1\n")])
        answer = await session.revert(1)
        assert answer["revert"] == {"messageID": "msg_1", "problem": "The files stay as they are: no repository."}
        assert events(session, "tui.toast.show")[0]["message"] == answer["revert"]["problem"]
        assert files_of(project)["new.txt"] == "1\n"
        assert "revert" not in await session.world.do("unrevert", {})

    await with_session(project, work, Snapshots(None, "no repository"))


async def test_a_swapped_link_is_not_followed_and_it_is_said(project: Path, tmp_path: Path) -> None:
    async def work(session: Session) -> None:
        await session.turn(1, [(WRITE, "made/here/c.txt", "1\n")])
        (tmp_path / "outside/here").mkdir(parents=True)
        (tmp_path / "outside/here/c.txt").write_text("not the session's")
        (project / "made").rename(tmp_path / "moved")
        (project / "made").symlink_to(tmp_path / "outside")
        answer = await session.revert(1)
        assert "made/here/c.txt" in answer["revert"].get("problem", "made/here/c.txt")
        assert (tmp_path / "outside/here/c.txt").read_text() == "not the session's"

    await with_session(project, work)
