"""Sessions of a real server that go on elsewhere: in another worktree, or on another server."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from .server import Json, Server
from .test_worktrees import Made, git, make

Makes = Callable[..., Server]


@pytest.fixture(scope="module")
def repository(shared: Server) -> Path:
    (shared.project / "notes.txt").write_text("first line\n")
    git(shared.project, "init", "-q", "-b", "main")
    git(shared.project, "add", ".")
    git(shared.project, "commit", "-q", "-m", "begin")
    return shared.project


async def shell(server: Server, session: str, command: str) -> str:
    answer = await server.ask("POST", f"/session/{session}/shell", {"agent": "build", "command": command})
    (output,) = (part["state"]["output"] for part in answer["parts"] if part["type"] == "tool")
    return str(output)


async def move(server: Server, session: str, directory: Path, *, changes: bool, status: int = 204) -> Json:
    body = {"sessionID": session, "destination": {"directory": str(directory)}, "moveChanges": changes}
    return await server.ask("POST", "/experimental/control-plane/move-session", body, status=status)


async def test_a_session_moves_with_its_changes_and_can_write_there_only(shared: Server, repository: Path) -> None:
    made: Made = await make(shared)
    session = await shared.create()
    await shell(shared, session, "echo changed > notes.txt; echo new > new.txt; git add notes.txt")
    await move(shared, session, made.path, changes=True)
    assert (await shared.ask("GET", f"/session/{session}"))["directory"] == str(made.path)
    assert (made.path / "notes.txt").read_text() == "changed\n"
    assert (made.path / "new.txt").read_text() == "new\n"
    assert (repository / "notes.txt").read_text() == "first line\n"
    assert git(repository, "status", "--porcelain") == ""
    assert (await shell(shared, session, "pwd; echo here > here.txt")).strip() == str(made.path)
    assert (made.path / "here.txt").exists()
    await shell(shared, session, f"echo x > {repository}/planted.txt")
    assert not (repository / "planted.txt").exists()


async def test_changes_that_do_not_fit_stay_and_so_does_the_session(shared: Server, repository: Path) -> None:
    made = await make(shared)
    (made.path / "notes.txt").write_text("something else\n")
    session = await shared.create()
    await shell(shared, session, "echo changed > notes.txt")
    refusal = await move(shared, session, made.path, changes=True, status=400)
    assert refusal["name"] == "MoveSessionError"
    assert (repository / "notes.txt").read_text() == "changed\n"
    assert (made.path / "notes.txt").read_text() == "something else\n"
    assert (await shared.ask("GET", f"/session/{session}"))["directory"] == str(repository)
    git(repository, "checkout", "-q", "notes.txt")


async def test_not_into_another_project(shared: Server, repository: Path, tmp_path: Path) -> None:
    session = await shared.create()
    refusal = await move(shared, session, tmp_path, changes=False, status=400)
    assert "another project" in refusal["data"]["message"]


async def test_a_session_is_made_of_another_servers_history(shared: Server, make_server: Makes) -> None:
    session = await shared.create(title="Travelled")
    await shared.prompt(session, "what was said there")
    sent = [event for event in await shared.ask("POST", "/sync/history", {}) if event["aggregate_id"] == session]
    events = [{**event, "aggregateID": event.pop("aggregate_id")} for event in json.loads(json.dumps(sent))]
    other = make_server("other")
    shutil.copy(shared.project / "opencode.json", other.project)
    await other.start()
    replayed = {"directory": str(other.project), "events": events}
    assert await other.ask("POST", "/sync/replay", replayed) == {"sessionID": session}
    assert await other.ask("POST", "/sync/replay", replayed) == {"sessionID": session}
    record = await other.ask("GET", f"/session/{session}")
    assert (record["title"], record["directory"]) == ("Travelled", str(other.project))
    texts = [part.get("text", "") for message in await other.messages(session) for part in message["parts"]]
    assert any("what was said there" in text for text in texts)
    answer = await other.prompt(session, "and goes on")
    assert answer["parts"][-2]["text"] == "You said: and goes on"
    known = {session: max(event["seq"] for event in events)}
    assert all(
        e["aggregate_id"] != session or e["seq"] > known[session]
        for e in await shared.ask("POST", "/sync/history", known)
    )
