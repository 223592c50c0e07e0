"""Undo of what sessions did to files, by a real server: in repositories, worktrees, subdirectories, the sandbox."""

import base64
import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trio

from .model import Model
from .server import Json, Server, until

# The place is not named in clear: such a command would not even be started.
LOOK = (
    "p=$(echo {hidden} | base64 -d); cat $p/*/worktree $p/*/HEAD 2>&1; ls $p/* 2>&1; ls -a /proc/1/root$p/* 2>&1;"
    " echo x > $p/evil; echo end"
)


def git(directory: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.invalid"]
    done = subprocess.run(["git", *identity, *arguments], cwd=directory, check=True, capture_output=True, text=True)
    return done.stdout


def call(tool: str, **arguments: Json) -> Json:
    return {"tools": [{"name": tool, "args": arguments}]}


class Repository:
    """A server whose project is a repository, and sessions in it that play scripts."""

    def __init__(self, server: Server, model: Model) -> None:
        self.server, self.model, self.project = server, model, server.project
        self._names = 0

    async def start(self, *options: str, **configuration: Json) -> None:
        text = json.dumps(self.model.configuration(**configuration))
        (self.project / "opencode.json").write_text(text)
        (self.project / "sub").mkdir()
        (self.project / "sub/a.txt").write_text("alpha\n")
        (self.project / "README.md").write_text("read me\n")
        git(self.project, "init", "-q", "-b", "main")
        git(self.project, "add", ".")
        git(self.project, "commit", "-q", "-m", "begin")
        await self.server.start(*options)

    async def session(self, directory: Path | None = None) -> str:
        made: Json = await self.server.ask("POST", f"/session?directory={directory or self.project}", {})
        return str(made["id"])

    async def play(self, session: str, *steps: Json) -> str:
        """Returns the id of the prompt."""
        self._names += 1
        self.model.register(**{f"revert{self._names}": [*steps, {"text": "done"}]})
        body = {"parts": [{"type": "text", "text": f"script:revert{self._names}"}]}
        answer = await self.server.ask("POST", f"/session/{session}/message", body)
        return str(answer["info"]["parentID"])

    async def revert(self, session: str, message: str) -> Json:
        return await self.server.ask("POST", f"/session/{session}/revert", {"messageID": message})

    async def unrevert(self, session: str) -> Json:
        return await self.server.ask("POST", f"/session/{session}/unrevert")

    def text(self, name: str) -> str | None:
        file = self.project / name
        return file.read_text() if file.exists() else None


@pytest.fixture
def repository(make_server: Callable[..., Server], model: Model) -> Iterator[Repository]:
    yield Repository(make_server(), model)


async def test_files_come_back_and_others_stay(repository: Repository) -> None:
    await repository.start()
    session = await repository.session()
    first = await repository.play(session, call("write", filePath="new.txt", content="one\n"))
    command = "echo by-bash > sub/b.txt; rm README.md; echo x > new.txt"
    second = await repository.play(session, call("bash", command=command, description="d"))
    (repository.project / "hand.txt").write_text("by hand\n")
    index = (repository.project / ".git/index").read_bytes()
    answer = await repository.revert(session, second)
    assert answer["revert"]["messageID"] == second and "problem" not in answer["revert"]
    assert [repository.text(n) for n in ("README.md", "sub/b.txt", "new.txt")] == ["read me\n", None, "one\n"]
    await repository.revert(session, first)
    assert repository.text("new.txt") is None
    assert (repository.text("hand.txt"), (repository.project / ".git/index").read_bytes()) == ("by hand\n", index)
    await repository.unrevert(session)
    assert [repository.text(n) for n in ("README.md", "sub/b.txt", "new.txt")] == [None, "by-bash\n", "x\n"]


async def test_differences_of_a_prompt_and_of_the_session(repository: Repository) -> None:
    await repository.start()
    session = await repository.session()
    first = await repository.play(session, call("write", filePath="new.txt", content="one\n"))
    await repository.play(session, call("edit", filePath="new.txt", oldString="one", newString="two\nthree"))
    ask = repository.server.ask
    [of_first] = await ask("GET", f"/session/{session}/diff?messageID={first}")
    [of_all] = await ask("GET", f"/session/{session}/diff")
    assert (of_first["additions"], of_all["additions"], of_all["status"]) == (1, 2, "added")
    assert (await ask("GET", f"/session/{session}"))["summary"] == {"additions": 2, "deletions": 0, "files": 1}
    fork = await ask("POST", f"/session/{session}/fork", {})
    await repository.play(fork["id"], {"text": "nothing to do"})
    assert len(await ask("GET", f"/session/{fork['id']}/diff")) == 1


async def test_a_fork_of_a_reverted_session_has_what_is_shown(repository: Repository) -> None:
    await repository.start()
    session = await repository.session()
    await repository.play(session, call("write", filePath="new.txt", content="one\n"))
    second = await repository.play(session, call("write", filePath="new.txt", content="two\n"))
    await repository.revert(session, second)
    fork = await repository.server.ask("POST", f"/session/{session}/fork", {})
    assert "revert" not in fork
    prompts = [m for m in await repository.server.messages(fork["id"]) if m["info"]["role"] == "user"]
    assert len(prompts) == 1
    await repository.revert(fork["id"], prompts[0]["info"]["id"])
    assert repository.text("new.txt") is None


@pytest.mark.parametrize("kind", ["subdirectory", "worktree"])
async def test_in_subdirectories_and_worktrees(repository: Repository, kind: str) -> None:
    await repository.start()
    directory = repository.project / "sub"
    if kind == "worktree":
        directory = repository.project.parent / "linked"
        git(repository.project, "worktree", "add", "-q", "-b", "side", str(directory))
    session = await repository.session(directory)
    prompt = await repository.play(session, call("bash", command="echo x > made; rm -f a.txt", description="d"))
    assert (directory / "made").exists()
    [diff] = [d for d in await repository.server.ask("GET", f"/session/{session}/diff") if d["file"].endswith("made")]
    assert diff["file"] == ("sub/made" if kind == "subdirectory" else "made")
    await repository.revert(session, prompt)
    assert not (directory / "made").exists()
    assert kind == "worktree" or repository.text("sub/a.txt") == "alpha\n"
    assert git(repository.project, "status", "--porcelain") == ""


async def test_two_sessions_do_not_undo_each_others_work(repository: Repository) -> None:
    await repository.start()
    one, other = await repository.session(), await repository.session()
    prompts: dict[str, str] = {}

    async def write(session: str, name: str) -> None:
        steps = [call("write", filePath=f"{name}{n}.txt", content=name) for n in range(3)]
        prompts[session] = await repository.play(session, *steps)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(write, one, "mine")
        nursery.start_soon(write, other, "yours")
    await repository.revert(one, prompts[one])
    names = sorted(path.name for path in repository.project.glob("*.txt"))
    assert names == ["yours0.txt", "yours1.txt", "yours2.txt"]


async def test_commands_of_a_session_see_no_snapshots(repository: Repository) -> None:
    await repository.start()
    place = repository.server.data / "snapshots"
    for profile in ("workspace", "full"):
        session = await repository.session()
        await repository.server.ask("PATCH", f"/session/{session}", {"sandbox": {"profile": profile}})
        command = LOOK.format(hidden=base64.b64encode(str(place).encode()).decode())
        await repository.play(session, call("bash", command=command, description="d"))
        state = (await repository.server.messages(session))[1]["parts"][1]["state"]
        assert state["status"] == "completed", state
        output = state["output"]
        assert "end" in output and "objects" not in output and "refs/heads/none" not in output, output
    assert [path.name[:5] for path in place.iterdir()] == ["tree-"]  # the positive control: they are there
    assert not (place / "evil").exists()


async def test_switched_off_by_the_project(repository: Repository) -> None:
    await repository.start(snapshot=False)
    session = await repository.session()
    prompt = await repository.play(session, call("write", filePath="new.txt", content="one\n"))
    parts = [part["type"] for message in await repository.server.messages(session) for part in message["parts"]]
    assert "patch" not in parts
    answer = await repository.revert(session, prompt)
    assert "configuration" in answer["revert"]["problem"]
    assert repository.text("new.txt") == "one\n"


async def test_refused_for_the_home_directory(repository: Repository) -> None:
    home = repository.server.data.parent
    (home / ".config").mkdir(exist_ok=True)
    await repository.start()
    git(home, "init", "-q")
    (home / "x").write_text("x")
    git(home, "add", "x")
    git(home, "commit", "-q", "-m", "dotfiles")
    (home / "opencode.json").write_text(json.dumps(repository.model.configuration()))
    session = await repository.session(home)
    prompt = await repository.play(session, call("write", filePath="new.txt", content="one\n"))
    answer = await repository.revert(session, prompt)
    assert "home directory" in answer["revert"]["problem"]
    assert (home / "new.txt").exists()


async def test_beyond_a_limit_there_is_no_undo_and_a_reason(repository: Repository) -> None:
    settings = repository.project.parent / "oad.toml"
    settings.write_text("[snapshots]\nfiles = 2\n")
    await repository.start("--config", str(settings))
    for n in range(4):
        (repository.project / f"{n}").touch()
    session = await repository.session()
    prompt = await repository.play(session, call("bash", command="echo x > new.txt", description="d"))
    answer = await repository.revert(session, prompt)
    assert "[snapshots] files" in answer["revert"]["problem"]


async def test_an_aborted_command_can_be_undone(repository: Repository) -> None:
    await repository.start()
    session = await repository.session()
    command = "echo x > new.txt; until [ -e never ]; do sleep 0.05; done"
    repository.model.register(endless=[call("bash", command=command, description="d")])
    await repository.server.prompt_async(session, "script:endless")
    await until(lambda: repository.text("new.txt") == "x\n", "it has written")
    await repository.server.ask("POST", f"/session/{session}/abort")
    prompt = (await repository.server.messages(session))[0]["info"]["id"]
    await repository.revert(session, prompt)
    assert repository.text("new.txt") is None


async def test_the_undo_survives_the_server_and_goes_with_the_session(repository: Repository) -> None:
    await repository.start()
    session = await repository.session()
    prompt = await repository.play(session, call("write", filePath="new.txt", content="one\n"))
    await repository.server.stop()
    await repository.server.start()
    await repository.revert(session, prompt)
    assert repository.text("new.txt") is None
    await repository.server.ask("DELETE", f"/session/{session}")
    assert list((repository.server.data / "snapshots").glob(f"*/index-{session}*")) == []


async def test_a_directory_without_git_says_so(make_server: Callable[..., Server], model: Model) -> None:
    server = make_server()
    (server.project / "opencode.json").write_text(json.dumps(model.configuration()))
    await server.start()
    repository = Repository(server, model)
    session = await repository.session()
    prompt = await repository.play(session, call("write", filePath="new.txt", content="x\n"))
    answer = await repository.revert(session, prompt)
    assert "git" in answer["revert"]["problem"] and "snapshot" not in answer["revert"]
    assert repository.text("new.txt") == "x\n"
