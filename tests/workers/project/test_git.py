from pathlib import Path

from oad.workers.project.git import ask_git, run_git

from .conftest import Git
from .local_exec import LocalExec, NoExec


async def test_answers(repo: Path) -> None:
    assert await ask_git(LocalExec(), str(repo), "rev-parse", "--is-inside-work-tree") == "true"


async def test_failures_are_none(repo: Path, home: Path) -> None:
    assert await ask_git(LocalExec(), str(home), "rev-parse", "HEAD") is None
    assert await ask_git(LocalExec(), str(repo), "no-such-command") is None
    assert await ask_git(NoExec(), str(repo), "rev-parse") is None


async def test_a_repository_starts_no_programs(repo: Path, tmp_path: Path, git: Git) -> None:
    program = tmp_path / "monitor"
    program.write_text(f"#!/bin/sh\ntouch {tmp_path}/started\n")
    program.chmod(0o755)
    git(repo, "config", "core.fsmonitor", str(program))
    assert await ask_git(LocalExec(), str(repo), "status", "--short") == ""
    assert not (tmp_path / "started").exists()


async def test_all_that_git_says(repo: Path) -> None:
    answer = await run_git(LocalExec(), str(repo), "hash-object", "--stdin", stdin=b"x")
    assert (answer.exit, len(answer.stdout), answer.stderr, answer.whole) == (0, 41, "", True)
    answer = await run_git(LocalExec(), str(repo), "no-such-command")
    assert answer.exit == 1
    assert "no-such-command" in answer.stderr
    assert (await run_git(NoExec(), str(repo), "status")).stderr == "no such program"


async def test_a_long_answer_is_cut_off(repo: Path) -> None:
    answer = await run_git(LocalExec(), str(repo), "help", "-a", limit=10)
    assert (answer.exit, len(answer.stdout), answer.whole) == (None, 10, False)
