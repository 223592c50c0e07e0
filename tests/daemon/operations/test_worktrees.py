"""Worktrees as the daemon has them made: the order of things, who may write where, and what is refused."""

import os
from pathlib import Path

import pytest
import trio
from live import live_daemon, until
from trio.testing import wait_all_tasks_blocked
from worktree_place import Place, failure


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """As far as the daemon looks at it."""
    repository = tmp_path / "repository"
    (repository / ".git/objects").mkdir(parents=True)
    (repository / ".git/HEAD").touch()
    return repository


async def test_made_with_a_worker_that_may_write_to_git_and_the_new_place_only(
    tmp_path: Path, repository: Path
) -> None:
    async with live_daemon(tmp_path) as live:
        place = Place(live, repository)
        made = await place.call("create", {"name": "My Feature!"})
        assert made["branch"] == "opencode/my-feature"
        assert os.listdir(made["directory"]) == []
        (writable,) = [writable for op, _, writable in place.asked if op == "worktree.add"]
        assert set(writable) == {str(repository / ".git"), made["directory"]}
        assert place.sandboxes() == [made["directory"]] == await place.call("list")
        await until(lambda: "worktree.ready" in live.types())
        assert live.of_type("worktree.ready") == [{"name": "my-feature", "branch": "opencode/my-feature"}]
        assert [event.directory for event in live.published if event.type == "worktree.ready"] == [made["directory"]]
        assert not [w for w in live.supervisor.live() if w.spec.name.startswith("worktrees of")]


async def test_taken_names_are_not_given_again(tmp_path: Path, repository: Path) -> None:
    async with live_daemon(tmp_path) as live:
        place = Place(live, repository)
        for wanted in ("taken", "one"):
            await place.call("create", {"name": wanted})
        again = await place.call("create", {"name": "one"})
        names = [Path(path).name for path in place.sandboxes()]
        assert names[0].startswith("taken-")
        assert names[1] == "one"
        assert names[2].startswith("one-")
        assert again["name"] == names[2]


async def test_what_git_refuses_leaves_nothing(tmp_path: Path, repository: Path) -> None:
    async with live_daemon(tmp_path) as live:
        place = Place(live, repository)
        place.failing["worktree.add"] = failure("no")
        assert await place.refused("create", {"name": "x"}) == ("WorktreeCreateFailedError", "no")
        assert await place.call("list") == []
        (root,) = (live.settings.worktrees).iterdir()
        assert list(root.iterdir()) == []


async def test_start_commands_of_the_project_come_first_and_their_failure_is_told(
    tmp_path: Path, repository: Path
) -> None:
    async with live_daemon(tmp_path) as live:
        place = Place(live, repository)
        await place.call("list")
        await live.json("project.update", {"commands": {"start": "make first"}}, projectID="abc")
        await place.call("create", {"startCommand": "make more"})
        await until(lambda: place.operations().count("worktree.start") == 2)
        assert [body for op, body, _ in place.asked if op == "worktree.start"] == ["make first", "make more"]
        place.failing["worktree.start"] = failure("exit code 3")
        await place.call("create", {"startCommand": "make more"})
        await until(lambda: "worktree.failed" in live.types())
        assert live.of_type("worktree.failed") == [{"message": "exit code 3"}]
        assert place.operations().count("worktree.start") == 3, "the second is not tried after the first"


async def test_one_that_can_not_be_filled_is_never_ready(tmp_path: Path, repository: Path) -> None:
    async with live_daemon(tmp_path) as live:
        place = Place(live, repository)
        place.failing["worktree.fill"] = failure("no room")
        await place.call("create", {"startCommand": "make"})
        await until(lambda: "worktree.failed" in live.types())
        assert "worktree.ready" not in live.types()
        assert "worktree.start" not in place.operations()


async def test_removed_with_what_is_under_way_there(tmp_path: Path, repository: Path) -> None:
    async with live_daemon(tmp_path) as live:
        place = Place(live, repository)
        place.stuck.add("worktree.start")
        made = await place.call("create", {"startCommand": "sleep 1000"})
        await until(lambda: "worktree.start" in place.operations())
        (Path(made["directory"]) / "file").touch()
        assert await place.call("remove", {"directory": made["directory"]}) is True
        assert os.listdir(Path(made["directory"]).parent) == []
        assert not [w for w in live.supervisor.live() if w.spec.directory == made["directory"]]
        assert live.of_type("server.instance.disposed") == [{"directory": made["directory"]}]
        assert "worktree.failed" not in live.types()
        assert place.operations()[-1] == "worktree.forget"
        assert place.sandboxes() == [] == await place.call("list")
        assert (await place.refused("remove", {"directory": made["directory"]}))[0] == "WorktreeRemoveFailedError"


async def test_a_removal_that_git_refuses_can_be_repeated(tmp_path: Path, repository: Path) -> None:
    async with live_daemon(tmp_path) as live:
        place = Place(live, repository)
        made = await place.call("create", {})
        place.failing["worktree.forget"] = failure("locked")
        assert (await place.refused("remove", {"directory": made["directory"]}))[1] == "locked"
        assert place.sandboxes() == [made["directory"]]
        assert await place.call("list") == [], "it is not there any more"
        place.failing.clear()
        assert await place.call("remove", {"directory": made["directory"]}) is True
        assert place.sandboxes() == []


@pytest.mark.parametrize("op", ["remove", "reset"])
async def test_only_what_is_listed_is_touched(op: str, repository: Path, tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live:
        place = Place(live, repository)
        made = await place.call("create", {"name": "mine"})
        await until(lambda: "worktree.ready" in live.types())
        unlisted = Path(made["directory"]).with_name("unlisted")
        victim = tmp_path / "victim"
        link = tmp_path / "link"
        link.symlink_to(made["directory"])
        for directory in (unlisted, victim):
            directory.mkdir()
        error = f"Worktree{op.capitalize()}FailedError"
        asked = len(place.asked)
        for path in (
            victim,
            unlisted,
            link,
            repository,
            tmp_path,
            f"{made['directory']}/",
            f"{made['directory']}/.",
            "/",
        ):
            assert (await place.refused(op, {"directory": str(path)}))[0] == error
        assert victim.is_dir()
        assert unlisted.is_dir()
        assert place.operations()[asked:] == []


async def test_reset_runs_the_start_command_again(tmp_path: Path, repository: Path) -> None:
    async with live_daemon(tmp_path) as live:
        place = Place(live, repository)
        made = await place.call("create", {})
        await until(lambda: "worktree.ready" in live.types())
        await live.json("project.update", {"commands": {"start": "make first"}}, projectID="abc")
        assert await place.call("reset", {"directory": made["directory"]}) is True
        await until(lambda: "worktree.start" in place.operations())
        assert place.operations()[-2:] == ["worktree.restore", "worktree.start"]


async def test_without_a_repository_there_are_none(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live:
        plain = tmp_path / "plain"
        plain.mkdir()
        place = Place(live, plain)
        assert await place.call("list") == []
        assert (await place.refused("create", {}))[0] == "WorktreeNotGitError"


async def test_reset_waits_for_the_filling_and_removal_does_not(tmp_path: Path, repository: Path) -> None:
    async with live_daemon(tmp_path) as live, trio.open_nursery() as nursery:
        place = Place(live, repository)
        place.stuck.add("worktree.fill")
        made = await place.call("create", {})
        await until(lambda: "worktree.fill" in place.operations())
        choice = {"directory": made["directory"]}

        nursery.start_soon(place.call, "reset", choice)
        await wait_all_tasks_blocked(0.01)
        assert "worktree.restore" not in place.operations()
        nursery.cancel_scope.cancel()
    async with live_daemon(tmp_path / "more") as live:
        place = Place(live, repository)
        place.stuck.add("worktree.fill")
        made = await place.call("create", {})
        await until(lambda: "worktree.fill" in place.operations())
        assert await place.call("remove", {"directory": made["directory"]}) is True
