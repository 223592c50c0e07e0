"""What git does for worktrees, in real repositories."""

import os
import shutil
from pathlib import Path
from typing import Any

import msgspec
import pytest

from oad.contract.errors import ApiError
from oad.contract.policy import ShellPolicy
from oad.contract.worktree import WorktreePlan, WorktreeSurvey
from oad.workers.audit import Unrecorded
from oad.workers.project.worktrees import Worktrees

from .conftest import Git
from .local_exec import LocalExec, NoExec


async def ask(op: str, directory: Path, body: Any = b"", shell: ShellPolicy = ShellPolicy()) -> Any:  # noqa: B008
    worktrees = Worktrees(LocalExec(), shell, Unrecorded())
    content = body if isinstance(body, bytes) else msgspec.json.encode(body)
    answer = await worktrees.handle(f"worktree.{op}", {"directory": str(directory)}, content)
    return msgspec.json.decode(answer.body)


async def refusal(op: str, directory: Path, body: Any = b"") -> tuple[str, str]:
    with pytest.raises(ApiError) as caught:
        await ask(op, directory, body)
    assert caught.value.status == 400
    return caught.value.body["name"], caught.value.body["data"]["message"]


@pytest.fixture
def repository(repo: Path, git: Git) -> Path:
    (repo / "a.txt").write_text("a\n")
    (repo / ".gitignore").write_text("*.log\n")
    git(repo, "add", ".")
    git(repo, "commit", "-q", "-m", "files")
    return repo


@pytest.fixture
async def plan(repository: Path, tmp_path: Path) -> WorktreePlan:
    """Of a worktree that has been added."""
    place = tmp_path / "made"
    place.mkdir()
    plan = WorktreePlan(directory=str(place), branch="opencode/made")
    await ask("add", repository, plan)
    return plan


async def test_added_without_files_and_then_filled(plan: WorktreePlan, repository: Path, git: Git) -> None:
    place = Path(plan.directory)
    assert os.listdir(place) == [".git"]
    await ask("fill", place)
    assert (place / "a.txt").read_text() == "a\n"
    assert git(place, "status", "--porcelain") == ""
    assert git(place, "branch", "--show-current") == "opencode/made"
    survey = await ask("survey", repository, WorktreeSurvey(commands=[]))
    assert set(survey["branches"]) == {"main", "opencode/made"}


async def test_hooks_of_the_repository_do_not_run(repository: Path, tmp_path: Path) -> None:
    hook = repository / ".git/hooks/post-checkout"
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    hook.chmod(0o755)
    place = tmp_path / "made"
    place.mkdir()
    await ask("add", repository, WorktreePlan(directory=str(place), branch="opencode/made"))
    await ask("fill", place)
    await ask("restore", place)
    assert not (tmp_path / "ran").exists()


async def test_what_git_refuses_is_told(plan: WorktreePlan, repository: Path, tmp_path: Path) -> None:
    name, message = await refusal("add", repository, plan)
    assert name == "WorktreeCreateFailedError"
    assert "opencode/made" in message
    assert (await refusal("fill", tmp_path))[0] == "WorktreeCreateFailedError"


async def test_settings_of_one_worktree_are_occupied_where_git_reads_them(repository: Path, git: Git) -> None:
    git(repository, "config", "extensions.worktreeConfig", "true")
    place = repository.parent / "made"
    place.mkdir()
    await ask("add", repository, WorktreePlan(directory=str(place), branch="opencode/made"))
    assert (repository / ".git/worktrees/made/config.worktree").read_text() == ""


async def test_start_commands_run_in_it_and_their_failure_is_told(plan: WorktreePlan) -> None:
    place = Path(plan.directory)
    await ask("start", place, b"pwd > here.txt")
    assert (place / "here.txt").read_text().strip() == str(place)
    name, message = await refusal("start", place, b"echo nothing to be done; exit 3")
    assert name == "WorktreeStartCommandFailedError"
    assert "exit code 3\nnothing to be done" in message
    worktrees = Worktrees(NoExec(), ShellPolicy(), Unrecorded())
    with pytest.raises(ApiError, match="no such program"):
        await worktrees.handle("worktree.start", {"directory": str(place)}, b"true")


async def test_restricted_start_commands_are_refused_before_anything_is_made(repository: Path, tmp_path: Path) -> None:
    for op, directory, body in (
        ("survey", repository, WorktreeSurvey(commands=["sudo reboot"])),
        ("start", tmp_path, b"sudo reboot"),
    ):
        with pytest.raises(ApiError) as caught:
            await ask(op, directory, body, ShellPolicy(restricted=True))
        assert caught.value.status == 403
        assert "restricted" in caught.value.body["data"]["message"]


async def test_restored_as_the_default_branch_is(plan: WorktreePlan, repository: Path, git: Git) -> None:
    place = Path(plan.directory)
    await ask("fill", place)
    (place / "a.txt").write_text("changed\n")
    git(place, "commit", "-qam", "mine")
    for name in ("a.txt", "new.txt", "ignored.log"):
        (place / name).write_text("dirty\n")
    (place / "nested").mkdir()
    git(place / "nested", "init", "-q")
    (repository / "b.txt").write_text("b\n")
    git(repository, "add", ".")
    git(repository, "commit", "-q", "-m", "newer")
    await ask("restore", place)
    assert {*os.listdir(place)} == {".git", ".gitignore", "a.txt", "b.txt"}
    assert (place / "a.txt").read_text() == "a\n"
    assert git(place, "branch", "--show-current") == "opencode/made"


async def test_restored_from_the_remote_even_if_it_can_not_be_reached(
    repository: Path, tmp_path: Path, git: Git
) -> None:
    clone, place = tmp_path / "clone", tmp_path / "made"
    git(tmp_path, "clone", "-q", str(repository), "clone")
    place.mkdir()
    await ask("add", clone, WorktreePlan(directory=str(place), branch="opencode/made"))
    (repository / "b.txt").write_text("b\n")
    git(repository, "add", ".")
    git(repository, "commit", "-q", "-m", "newer")
    await ask("restore", place)
    assert (place / "b.txt").exists()
    git(clone, "remote", "set-url", "origin", str(tmp_path / "nowhere"))
    await ask("restore", place)
    assert (place / "b.txt").exists()


async def test_without_a_default_branch_there_is_nothing_to_restore(
    plan: WorktreePlan, repository: Path, git: Git
) -> None:
    git(repository, "branch", "-m", "main", "trunk")
    assert (await refusal("restore", Path(plan.directory)))[0] == "WorktreeResetFailedError"


async def test_forgotten_with_its_branch_and_nothing_else(
    plan: WorktreePlan, repository: Path, tmp_path: Path, git: Git
) -> None:
    other = tmp_path / "other"
    git(repository, "worktree", "add", "-q", "-b", "other", str(other))
    other.rename(tmp_path / "hidden")  # as it looks to a worker that may not see it
    shutil.rmtree(plan.directory)
    for _ in range(2):  # again: nothing is left to do
        await ask("forget", repository, plan)
        assert git(repository, "branch", "--format=%(refname:short)").splitlines() == ["main", "other"]
        assert os.listdir(repository / ".git/worktrees") == ["other"]


async def test_inspected_for_what_would_be_lost(plan: WorktreePlan, repository: Path, git: Git) -> None:
    place = Path(plan.directory)
    await ask("fill", place)
    assert await ask("inspect", place) == {"changed": False, "unmerged": False}
    (place / "new.txt").write_text("new\n")
    assert await ask("inspect", place) == {"changed": True, "unmerged": False}
    git(place, "add", ".")
    git(place, "commit", "-q", "-m", "mine")
    assert await ask("inspect", place) == {"changed": False, "unmerged": True}
    git(repository, "merge", "-q", plan.branch)
    assert await ask("inspect", place) == {"changed": False, "unmerged": False}
    git(place, "checkout", "-q", "--detach")
    git(place, "commit", "-q", "--allow-empty", "-m", "on no branch")
    assert await ask("inspect", place) == {"changed": False, "unmerged": True}
