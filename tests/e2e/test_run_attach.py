"""``opencode run --attach``, unmodified, against a real server."""

import json
import re
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trio

from .clients import Ended, node_modules, run_client
from .conftest import model_server
from .model import Model
from .server import Server

Run = Callable[..., Awaitable[Ended]]
TERMINAL_CODE = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """One for all: the client's first run in a new home takes seconds to set it up, and must be alone with that."""
    path = Path(tempfile.mkdtemp(prefix="oad-client-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def run(shared: Server, home: Path) -> Run:
    return runner(shared, home)


def runner(server: Server, home: Path) -> Run:
    command = [str(node_modules("opencode-ai") / ".bin" / "opencode"), "run", "--attach", server.url]

    async def run(*arguments: str, **options: Any) -> Ended:
        given = {"home": home, "cwd": server.project, **options}
        ended = await run_client([*command, *arguments], **given)
        return Ended(ended.status, TERMINAL_CODE.sub("", ended.output), TERMINAL_CODE.sub("", ended.errors))

    return run


def events(ended: Ended) -> list[Any]:
    return [json.loads(line) for line in ended.output.splitlines()]


def asked(model: Model) -> list[Any]:
    """The bodies of the calls with tools: without those for titles."""
    return [request["body"] for request in model.requests() if request["body"].get("tools")]


async def newest(server: Server) -> Any:
    return (await server.ask("GET", "/session?limit=1"))[0]


async def test_text(run: Run, shared: Server, model: Model) -> None:
    model.register(story=[{"text": "Once upon a time there was an end.", "chunks": 7}])
    ended = await run("script:story")
    assert ended.status == 0
    assert ended.output == "Once upon a time there was an end.\n"
    assert "build · fake-1" in ended.errors
    session = await newest(shared)
    assert session["title"] == "Scripted title"
    assert {"permission": "question", "pattern": "*", "action": "deny"} in session["permission"]


@pytest.mark.timeout(300)  # a client that starts takes seconds of two cores
async def test_every_run_prints_the_whole_answer(run: Run, model: Model) -> None:
    """It leaves as soon as its prompt is answered: every event has to be on its stream by then."""
    model.register(long=[{"text": "beginning, middle, " * 40 + "end", "chunks": 30}])
    answer = "beginning, middle, " * 40 + "end\n"
    ended = [await run("script:long")]
    turns = trio.CapacityLimiter(3)

    async def once() -> None:
        async with turns:
            ended.append(await run("script:long"))

    async with trio.open_nursery() as nursery:
        for _ in range(9):
            nursery.start_soon(once)
    assert [(n, e) for n, e in enumerate(ended) if e.output != answer] == []


async def test_json(run: Run, model: Model) -> None:
    call = {"name": "bash", "args": {"command": "echo from a tool", "description": "say so"}}
    model.register(steps=[{"reasoning": "I think", "text": "Looking", "tools": [call]}, {"text": "Seen"}])
    ended = await run("--format", "json", "--thinking", "script:steps")
    assert ended.status == 0
    found = events(ended)
    kinds = [event["type"] for event in found]
    assert sorted(kinds) == sorted(
        ["step_start", "reasoning", "text", "tool_use", "step_finish", "step_start", "text", "step_finish"]
    )
    state = next(event["part"]["state"] for event in found if event["type"] == "tool_use")
    assert (state["status"], state["output"].strip(), state["metadata"]["exit"]) == ("completed", "from a tool", 0)
    assert [event["part"]["text"] for event in found if event["type"] == "text"] == ["Looking", "Seen"]
    assert [event["part"]["reason"] for event in found if event["type"] == "step_finish"] == ["tool-calls", "stop"]


async def test_continue_and_session(run: Run, shared: Server) -> None:
    first = events(await run("--format", "json", "one"))[0]["sessionID"]
    again = events(await run("--format", "json", "--continue", "two"))[0]["sessionID"]
    assert again == first
    other = await shared.create(title="Another")
    named = events(await run("--format", "json", "--session", first, "three"))[0]["sessionID"]
    assert named == first != other
    texts = [m["parts"][0]["text"] for m in await shared.messages(first) if m["info"]["role"] == "user"]
    assert texts == ["one", "two", "three"]


async def test_fork(run: Run, shared: Server) -> None:
    first = events(await run("--format", "json", "one"))[0]["sessionID"]
    forked = events(await run("--format", "json", "--session", first, "--fork", "two"))[0]["sessionID"]
    assert forked != first
    assert (await shared.ask("GET", f"/session/{forked}"))["title"].endswith("(fork #1)")
    assert len(await shared.messages(first)) == 2
    assert len(await shared.messages(forked)) == 4


async def test_fork_of_the_latest(run: Run, shared: Server) -> None:
    first = events(await run("--format", "json", "one"))[0]["sessionID"]
    forked = events(await run("--format", "json", "--continue", "--fork", "two"))[0]["sessionID"]
    assert forked != first
    assert len(await shared.messages(forked)) == 4


async def test_a_session_that_does_not_exist(run: Run) -> None:
    ended = await run("--session", "ses_nothing", "hello")
    assert ended.status == 1
    assert "Session not found" in ended.text


async def test_agent(run: Run, model: Model) -> None:
    model.reset()
    ended = await run("--agent", "terse", "hello")
    assert "terse · fake-1" in ended.errors
    assert "Be terse." in json.dumps(asked(model)[-1]["messages"][0])


async def test_an_unknown_agent_falls_back(run: Run) -> None:
    ended = await run("--agent", "nobody", "hello")
    assert ended.status == 0
    assert 'agent "nobody" not found' in ended.text
    assert "You said: hello" in ended.output


async def test_model(run: Run, model: Model) -> None:
    model.reset()
    ended = await run("--model", "fake/fake-2", "hello")
    assert "build · fake-2" in ended.errors
    assert asked(model)[-1]["model"] == "fake-2"


async def test_an_unknown_model_is_an_error(run: Run) -> None:
    ended = await run("--model", "fake/none", "hello")
    assert ended.status == 1
    assert "fake/none" in ended.text


async def test_file(run: Run, shared: Server, model: Model) -> None:
    (shared.project / "notes.txt").write_text("the notes say forty-two\n")
    model.reset()
    ended = await run("read this", "--file", "notes.txt")
    assert ended.status == 0
    assert "the notes say forty-two" in json.dumps(asked(model)[-1]["messages"])


async def test_title(run: Run, shared: Server) -> None:
    await run("--title", "My own words", "hello")
    assert (await newest(shared))["title"] == "My own words"


async def test_command(run: Run, model: Model) -> None:
    ended = await run("--command", "greet", "Ada")
    assert ended.status == 0
    assert "You said: Greet Ada politely" in ended.output


async def test_a_command_that_does_not_exist(run: Run) -> None:
    ended = await run("--command", "nobodys", "Ada")
    assert ended.status == 1
    assert 'Command not found: "nobodys"' in ended.text


async def test_tools_are_shown(run: Run, shared: Server, model: Model) -> None:
    calls = [
        {"name": "bash", "args": {"command": "echo visible output", "description": "echo"}},
        {"name": "write", "args": {"filePath": str(shared.project / "made.txt"), "content": "made\n"}},
        {"name": "glob", "args": {"pattern": "made.*"}},
    ]
    model.register(tools=[{"tools": calls}, {"text": "All done"}])
    ended = await run("script:tools")
    assert ended.status == 0
    for shown in ("visible output", "made.txt", "made.*", "All done"):
        assert shown in ended.text
    assert (shared.project / "made.txt").read_text() == "made\n"


async def test_a_permission_is_rejected(run: Run, shared: Server, model: Model) -> None:
    (shared.project / "precious").touch()
    call = {"name": "bash", "args": {"command": "rm precious", "description": "remove"}}
    model.register(remove=[{"tools": [call]}, {"text": "It is gone"}])
    ended = await run("script:remove")
    assert "permission requested: bash (rm precious)" in ended.text
    assert "It is gone" not in ended.text
    assert (shared.project / "precious").exists()
    assert await shared.ask("GET", "/permission") == []


async def test_a_permission_is_granted(run: Run, shared: Server, model: Model) -> None:
    (shared.project / "worthless").touch()
    call = {"name": "bash", "args": {"command": "rm worthless", "description": "remove"}}
    model.register(remove_it=[{"tools": [call]}, {"text": "It is gone"}])
    ended = await run("--auto", "script:remove_it")
    assert ended.status == 0
    assert "It is gone" in ended.output
    assert not (shared.project / "worthless").exists()


async def test_the_models_error_is_printed(run: Run, model: Model) -> None:
    model.register(bad=[{"status": 400, "message": "the model has had enough"}])
    ended = await run("script:bad")
    assert "Error: the model has had enough" in ended.text
    assert ended.status == 0  # so it is with the reference's server, when its error arrives in time to be printed


async def test_without_a_directory_in_common(run: Run, place: Path) -> None:
    """A prompt then names none: the session's own has to be found by its id."""
    ended = await run("hello", cwd=place)
    assert "You said: hello" in ended.output


@pytest.fixture
def guarded(place: Path, model: Model) -> Iterator[Server]:
    inner = place / "guarded"
    inner.mkdir()
    with model_server(inner, model, environment={"OPENCODE_SERVER_PASSWORD": "open sesame"}) as server:
        yield server


async def test_credentials(guarded: Server, home: Path) -> None:
    run = runner(guarded, home)
    refused = await run("hello")
    assert refused.status == 1
    assert "You said" not in refused.text
    assert "You said: hello" in (await run("--password", "open sesame", "hello")).output
    from_environment = await run("hello", variables={"OPENCODE_SERVER_PASSWORD": "open sesame"})
    assert "You said: hello" in from_environment.output
