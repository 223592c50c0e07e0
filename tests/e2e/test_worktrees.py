"""Worktrees of a real server: made, worked in by a session in its sandbox, reset, removed, and nothing else touched."""

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import trio

from .server import Json, Server, is_alive, title, until


def git(directory: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.invalid"]
    done = subprocess.run(["git", *identity, *arguments], cwd=directory, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture(scope="module")
def repository(shared: Server) -> Path:
    (shared.project / "notes.txt").write_text("first line\n")
    git(shared.project, "init", "-q", "-b", "main")
    git(shared.project, "config", "user.name", "t")
    git(shared.project, "config", "user.email", "t@example.invalid")
    git(shared.project, "add", ".")
    git(shared.project, "commit", "-q", "-m", "begin")
    return shared.project


class Made:
    """A worktree with its files, and questions about it."""

    def __init__(self, server: Server, described: Json) -> None:
        self.server = server
        self.name: str = described["name"]
        self.branch: str = described["branch"]
        self.path = Path(described["directory"])

    async def ask(self, method: str, path: str, body: Json = None, *, status: int = 200) -> Json:
        joint = "&" if "?" in path else "?"
        return await self.server.ask(method, f"{path}{joint}directory={self.path}", body, status=status)

    async def shell(self, command: str) -> str:
        """What a session of the worktree gets of a command."""
        session = await self.ask("POST", "/session", {})
        body = {"agent": "build", "command": command}
        answer = await self.server.ask("POST", f"/session/{session['id']}/shell", body)
        (output,) = (part["state"]["output"] for part in answer["parts"] if part["type"] == "tool")
        return str(output)


async def make(server: Server, **wanted: Any) -> Made:
    async with server.events("/global/event") as events:
        made = Made(server, await server.ask("POST", "/experimental/worktree", wanted))
        await events.until(lambda event: event["type"] == "worktree.ready" and event["properties"]["name"] == made.name)
    return made


@pytest.fixture
async def made(shared: Server, repository: Path) -> Made:
    return await make(shared)


async def test_made_seen_and_removed(shared: Server, repository: Path) -> None:
    made = await make(shared, name="My Feature!")
    assert (made.name, made.branch) == ("my-feature", "opencode/my-feature")
    assert (made.path / "notes.txt").read_text() == "first line\n"
    assert str(made.path) in await shared.ask("GET", "/experimental/worktree")
    project = await shared.ask("GET", "/project/current")
    assert await made.ask("GET", "/project/current") == project
    assert project["worktree"] == str(repository)
    assert str(made.path) in project["sandboxes"]
    assert (await made.ask("GET", "/vcs"))["branch"] == "opencode/my-feature"
    assert (await made.ask("GET", "/path"))["worktree"] == str(made.path)
    assert await shared.ask("DELETE", "/experimental/worktree", {"directory": str(made.path)}) is True
    assert "my-feature" not in git(repository, "worktree", "list") + git(repository, "branch")
    assert "notes.txt" not in git(repository, "status", "--porcelain"), "the main worktree is as it was"
    await shared.ask("DELETE", "/experimental/worktree", {"directory": str(made.path)}, status=400)


async def test_a_session_works_and_commits_in_it(made: Made, repository: Path) -> None:
    output = await made.shell("echo mine > mine.txt && git add . && git commit -qm mine && git log --format=%s && pwd")
    assert output.split() == ["mine", "begin", str(made.path)]
    assert git(repository, "log", "--format=%s", made.branch).split() == ["mine", "begin"]
    assert not (repository / "mine.txt").exists()
    assert "clean" in await made.shell("git stash list; git tag t1; git branch b1 && git switch -q b1 && git status")


@pytest.mark.parametrize(
    "act",
    [
        "echo x > {git}/hooks/pre-commit",
        "mkdir -p {git}/hooks && cp /bin/true {git}/hooks/post-checkout",
        "git config core.fsmonitor /bin/true",
        "git config --worktree core.fsmonitor /bin/true",
        "mv {git} {git}2",
        "rm {git}/index",
        "echo 'ref: refs/heads/x' > {git}/HEAD",
        "echo 'gitdir: /tmp/x' > .git",
        "mv .git other",
        "echo x > {git}/worktrees/{name}/commondir",
        "mv {git}/worktrees/{name} {git}/worktrees/other",
        "mv {root}/{name} {root}/other",
    ],
)
async def test_what_would_be_carried_out_elsewhere_can_not_be_planted(act: str, made: Made, repository: Path) -> None:
    names = {
        "git": f"{repository}/.git",
        "main": str(repository),
        "root": str(made.path.parent),
        "name": made.path.name,
    }
    before = _snapshot(repository), os.listdir(made.path.parent)
    output = await made.shell(f"{act.format(**names)} && echo $((6*7))-carried-out")
    assert "42-carried-out" not in output, output
    assert (_snapshot(repository), os.listdir(made.path.parent)) == before


@pytest.mark.parametrize("act", ["echo x > {main}/notes.txt", "touch {root}/planted", "touch {root}/../planted"])
async def test_what_lies_around_it_stays_as_it_is(act: str, made: Made, repository: Path) -> None:
    """It may seem to change, where it lies in a /tmp of which the session has its own."""
    before = _snapshot(repository), os.listdir(made.path.parent), os.listdir(made.path.parent.parent)
    await made.shell(act.format(main=repository, root=made.path.parent))
    assert (_snapshot(repository), os.listdir(made.path.parent), os.listdir(made.path.parent.parent)) == before


def _snapshot(repository: Path) -> dict[str, bytes]:
    """What of a repository decides what git does."""
    files = [repository / "notes.txt", *(repository / ".git").glob("*"), *(repository / ".git/hooks").glob("*")]
    return {str(path): path.read_bytes() for path in files if path.is_file()}


async def test_reset_brings_back_what_is_committed(shared: Server, made: Made) -> None:
    (made.path / "notes.txt").write_text("dirty\n")
    (made.path / "junk.txt").write_text("junk\n")
    assert await shared.ask("POST", "/experimental/worktree/reset", {"directory": str(made.path)}) is True
    assert (made.path / "notes.txt").read_text() == "first line\n"
    assert not (made.path / "junk.txt").exists()


async def test_start_commands_run_in_the_sandbox(shared: Server, repository: Path) -> None:
    made = await make(shared, startCommand=f"echo started > started.txt; echo x > {repository}/planted")
    await until((made.path / "started.txt").exists, "the command has run")
    assert not (repository / "planted").exists()


async def test_a_start_command_that_fails_is_told(shared: Server, repository: Path) -> None:
    async with shared.events("/global/event") as events:
        await shared.ask("POST", "/experimental/worktree", {"startCommand": "echo no luck; exit 3"})
        event = await events.until(lambda event: event["type"] == "worktree.failed")
    assert "exit code 3\nno luck" in event["properties"]["message"]


async def test_removal_ends_what_runs_there(shared: Server, made: Made) -> None:
    session = await made.ask("POST", "/session", {})
    async with trio.open_nursery() as nursery:
        body = {"agent": "build", "command": "touch running; sleep 4321"}
        nursery.start_soon(shared.ask, "POST", f"/session/{session['id']}/shell", body)
        await until((made.path / "running").exists, "the command runs")
        assert any(title(p) == "sleep 4321" for p in shared.processes() if is_alive(p))
        assert await shared.ask("DELETE", "/experimental/worktree", {"directory": str(made.path)}) is True
        assert made.path.name not in os.listdir(made.path.parent)
    assert not any(title(p) == "sleep 4321" for p in shared.processes() if is_alive(p))


@pytest.mark.parametrize("path", ["/experimental/worktree", "/experimental/worktree/reset"])
async def test_other_directories_are_never_touched(path: str, shared: Server, repository: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "kept.txt").touch()
    method = "POST" if path.endswith("reset") else "DELETE"
    for directory in (victim, repository, shared.data / "worktree", f"{shared.data}/worktree/.."):
        await shared.ask(method, path, {"directory": str(directory)}, status=400)
    assert os.listdir(victim) == ["kept.txt"]
    assert (repository / "notes.txt").exists()
    assert "oad.db" in os.listdir(shared.data)


async def test_oads_own_places_are_no_workspace(shared: Server) -> None:
    refusal = await shared.ask("POST", f"/session?directory={shared.data}/audit", {}, status=503)
    assert "belongs to oad itself" in refusal["data"]["message"]
