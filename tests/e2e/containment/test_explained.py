"""The sandbox as clients and models meet it: what they are told, what they can ask for and change."""

import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio

from ..model import Model
from ..server import Json, Server

SECRET = "tops3cret"


@pytest.fixture(scope="module")
def house() -> Iterator[Path]:
    """Not in /tmp, of which a session sees nothing."""
    path = Path(tempfile.mkdtemp(prefix="oad-e2e-", dir="/srv"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="module")
def cage(house: Path, model: Model) -> Iterator[Server]:
    if shutil.which("bwrap") is None:
        pytest.skip("needs bubblewrap")
    home, project = house / "home", house / "project"
    home.mkdir()
    project.mkdir()
    (home / ".ssh").mkdir()
    (home / ".ssh/id_rsa").write_text(f"{SECRET}\n")
    (house / "outside.txt").write_text("theirs\n")
    permission = {"external_directory": "allow", "edit": "allow", "read": "allow", "sandbox": "deny"}
    configuration = model.configuration(permission=permission)
    known = configuration["provider"]["fake"]["models"]
    known["gpt-5-fake"] = known["fake-1"]
    (project / "opencode.json").write_text(json.dumps(configuration))
    server = Server(home, project)
    try:
        trio.run(server.start)
        yield server
    finally:
        server.discard()
        print(server.logged())


async def call(server: Server, model: Model, profile: str, tool: str, arguments: Json) -> Json:
    """The state in which the call of a tool ends, in a session of its own. Patches are offered to GPT only."""
    name = f"cage-{profile}-{tool}-{abs(hash(json.dumps(arguments)))}"
    model.register(**{name: [{"tools": [{"name": tool, "args": arguments}]}, {"text": "done"}]})
    session = await server.create(sandbox={"profile": profile})
    body: Json = {"parts": [{"type": "text", "text": f"script:{name}"}]}
    if tool == "apply_patch":
        body["model"] = {"providerID": "fake", "modelID": "gpt-5-fake"}
    await server.ask("POST", f"/session/{session}/message", body)
    parts = [part for message in await server.messages(session) for part in message["parts"]]
    (found,) = [part for part in parts if part["type"] == "tool"]
    return found["state"]


def said(state: Json) -> str:
    return str(state.get("error") or state.get("output"))


READING = {
    "bash": ("bash", {"command": "cat {home}/.ssh/id_rsa", "description": "x"}),
    "read": ("read", {"filePath": "{home}/.ssh/id_rsa"}),
    "read through a link": ("read", {"filePath": "{project}/key"}),
    "grep": ("grep", {"pattern": "tops", "path": "{home}/.ssh"}),
    "glob": ("glob", {"pattern": "id_*", "path": "{home}/.ssh"}),
}


@pytest.mark.parametrize("name", READING)
async def test_no_tool_reads_what_is_hidden(name: str, cage: Server, model: Model, house: Path) -> None:
    link = house / "project/key"
    link.unlink(missing_ok=True)
    link.symlink_to(house / "home/.ssh/id_rsa")
    tool, arguments = READING[name]
    filled = {key: text.format(home=house / "home", project=house / "project") for key, text in arguments.items()}
    inside = await call(cage, model, "workspace", tool, filled)
    assert SECRET not in said(inside)
    assert "sandbox hides" in said(inside)
    if tool not in ("grep", "glob"):  # ripgrep never sees secrets: nothing asks it to
        control = await call(cage, model, "full", tool, filled)
        assert SECRET in said(control)


WRITING = {
    "bash": ("bash", {"command": "echo mine > {file}", "description": "x"}),
    "write": ("write", {"filePath": "{file}", "content": "mine\n"}),
    "edit": ("edit", {"filePath": "{file}", "oldString": "theirs", "newString": "mine"}),
    "apply_patch": (
        "apply_patch",
        {"patchText": "*** Begin Patch\n*** Update File: {file}\n@@\n-theirs\n+mine\n*** End Patch"},
    ),
}


@pytest.mark.parametrize("name", ["bash", "write", "edit"])
async def test_no_tool_changes_the_configuration_of_the_project(
    name: str, cage: Server, model: Model, house: Path
) -> None:
    file = house / "project/opencode.json"
    before = file.read_text()
    tool, arguments = WRITING[name]
    filled = {key: text.format(file=file).replace("theirs", "permission") for key, text in arguments.items()}
    state = await call(cage, model, "workspace", tool, filled)
    assert file.read_text() == before
    assert "sandbox" in said(state).lower()


async def test_a_session_that_only_reads_writes_nothing(cage: Server, model: Model, house: Path) -> None:
    state = await call(cage, model, "read-only", "write", {"filePath": f"{house}/project/new", "content": "x"})
    assert state["status"] == "error"
    assert "read-only" in said(state)
    assert (await call(cage, model, "workspace", "write", {"filePath": f"{house}/project/new", "content": "x"}))[
        "status"
    ] == "completed"


async def test_the_shell_route(cage: Server, house: Path) -> None:
    async def shell(profile: str, command: str) -> str:
        session = await cage.create(sandbox={"profile": profile})
        body = {"agent": "build", "command": command}
        answer = await cage.ask("POST", f"/session/{session}/shell", body)
        return str(answer["parts"][0]["state"]["output"])

    for profile in ("workspace", "read-only"):
        output = await shell(profile, f"cat {house}/home/.ssh/id_rsa; echo x > {house}/new; ls {house}/home/data")
        assert SECRET not in output
        assert "Read-only file system" in output
        assert "The sandbox" in output
        assert not (house / "new").exists()
    assert SECRET in await shell("full", f"cat {house}/home/.ssh/id_rsa; echo x > {house}/new")
    assert (house / "new").exists()
    assert "oad.db" not in await shell("full", f"ls {house}/home/data")


async def test_what_a_session_runs_under_is_told_and_can_be_changed(cage: Server, house: Path) -> None:
    session = await cage.create()
    state = await cage.ask("GET", f"/session/{session}/sandbox")
    assert (state["level"], state["profile"], state["ceiling"]) == ("namespaces", "workspace", "full")
    assert "ran" not in state
    shell = {"agent": "build", "command": f"echo x > {house}/project/made; echo $?"}
    await cage.ask("POST", f"/session/{session}/shell", shell)
    assert (house / "project/made").exists()
    (house / "project/made").unlink()
    await cage.ask("PATCH", f"/session/{session}", {"sandbox": {"profile": "read-only"}})
    await cage.ask("POST", f"/session/{session}/shell", shell)
    assert not (house / "project/made").exists()
    state = await cage.ask("GET", f"/session/{session}/sandbox")
    assert state["profile"] == state["ran"]["profile"] == "read-only"


async def test_agents_that_only_look_write_nothing(cage: Server, house: Path) -> None:
    session = await cage.create()
    body = {"agent": "plan", "command": f"echo x > {house}/project/planned; echo $?"}
    answer = await cage.ask("POST", f"/session/{session}/shell", body)
    assert "Read-only file system" in str(answer["parts"])
    assert not (house / "project/planned").exists()


async def test_a_person_grants_one_run_outside(cage: Server, model: Model, house: Path) -> None:
    outside = house / "granted"
    arguments = {
        "command": f"echo x > {outside}", "description": "x", "escalate": True, "justification": "it must lie there"
    }  # fmt: skip
    model.register(**{"cage-granted": [{"tools": [{"name": "bash", "args": arguments}]}, {"text": "done"}]})
    allowed = [{"permission": "sandbox", "pattern": "*", "action": "ask"}]
    session = await cage.create(permission=allowed)
    async with cage.events() as events:
        await cage.prompt_async(session, "script:cage-granted")
        asked = await events.until(lambda event: event["type"] == "permission.asked")
        request = asked["properties"]
        assert request["permission"] == "sandbox"
        assert request["metadata"]["justification"] == "it must lie there"
        assert not outside.exists()
        await cage.ask("POST", f"/permission/{request['id']}/reply", {"reply": "once"})
        await events.until(lambda event: event["type"] == "session.idle")
    assert outside.exists()
