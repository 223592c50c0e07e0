"""Configuration over HTTP: changed, broken, and told to those who listen."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from .model import Model
from .server import Server, until

COMMENTED = (
    '{\n  // ours\n  "username": "before", // who\n  "provider": {"p": {"options": {"apiKey": "a-secret-1"}}}\n}\n'
)


@pytest.fixture
async def commented(make_server: Callable[..., Server]) -> Server:
    server = make_server()
    (server.project / "opencode.jsonc").write_text(COMMENTED)
    await server.start()
    return server


async def test_a_patch_is_seen_by_everyone_and_ends_no_stream(commented: Server) -> None:
    server, file = commented, commented.project / "opencode.jsonc"
    async with server.events() as events, server.events("/global/event") as everywhere:
        shown = await server.ask("GET", "/config")
        assert shown["provider"]["p"]["options"]["apiKey"] == "********"
        shown["username"] = "after"
        assert (await server.ask("PATCH", "/config", shown))["username"] == "after"
        for stream in (events, everywhere):
            told = await stream.until(lambda event: event["type"] == "server.instance.disposed")
            assert told["properties"] == {"directory": str(server.project)}
        assert (await server.ask("GET", "/config"))["username"] == "after"
        session = await server.create()
        await events.until(lambda event: event["type"] == "session.created")  # on the very same stream
        assert not events.ended.is_set()
    text = file.read_text()
    assert text.startswith('{\n  // ours\n  "username": "after", // who\n')
    assert "a-secret-1" in text
    assert "a-secret-1" not in server.logged()
    assert session


async def test_a_change_applies_to_the_next_turn(make_server: Callable[..., Server], model: Model) -> None:
    server = make_server()
    (server.project / "opencode.json").write_text(json.dumps(model.configuration()))
    await server.start()
    session = await server.create()
    assert (await server.prompt(session, "hello"))["info"]["agent"] == "build"
    patch = {"default_agent": "terse", "agent": {"terse": {"mode": "primary", "prompt": "Be terse."}}}
    await server.ask("PATCH", "/config", patch)
    assert (await server.prompt(await server.create(), "hello"))["info"]["agent"] == "terse"
    assert (await server.ask("GET", "/agent"))[0]["name"] == "terse"


async def test_a_running_turn_goes_on(server: Server) -> None:
    """With the demo model, which runs what it is told to."""
    session = await server.create()
    await server.prompt_async(session, "run touch begun; until [ -e go-on ]; do sleep 0.02; done; echo done")
    await until((server.project / "begun").exists, "the command runs")
    await server.ask("PATCH", "/config", {"username": "x"})
    await server.ask("PATCH", "/global/config", {"username": "y"})
    assert session in await server.statuses()
    (server.project / "go-on").touch()

    async def idle() -> bool:
        return not await server.statuses()

    await until(idle, "the turn has ended")
    parts = [part for message in await server.messages(session) for part in message["parts"]]
    (tool,) = [part["state"] for part in parts if part["type"] == "tool"]
    assert (tool["status"], tool["output"]) == ("completed", "done\n")


@contextmanager
def web(pages: Path) -> Iterator[str]:
    """These files, served."""
    handler = partial(SimpleHTTPRequestHandler, directory=str(pages))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


async def test_what_is_named_by_address_reaches_the_model(
    make_server: Callable[..., Server], model: Model, place: Path
) -> None:
    skill = place / "web" / "skills" / "deploy"
    skill.mkdir(parents=True)
    (skill / "SKILL.md").write_text("---\nname: deploy\ndescription: how we deploy\n---\nCarefully.")
    index = {"skills": [{"name": "deploy", "files": ["SKILL.md"]}]}
    (skill.parent / "index.json").write_text(json.dumps(index))
    (place / "web" / "rules.md").write_text("Never say maybe.")
    with web(place / "web") as url:
        server = make_server()
        configuration = model.configuration(
            instructions=[f"{url}/rules.md", f"{url}/gone.md"],
            skills={"urls": [f"{url}/skills"]},
            references={"docs": {"path": "/srv/docs", "description": "the handbook"}},
            theme="dark",
        )
        (server.project / "opencode.json").write_text(json.dumps(configuration))
        await server.start()
        model.reset()
        await server.prompt(await server.create(title="given"), "hello")
        system = str(model.requests()[-1]["body"]["messages"][0]["content"])
        assert f"Instructions from: {url}/rules.md\nNever say maybe." in system
        assert "how we deploy" in system
        assert "/srv/docs (the handbook)" in system
        assert "deploy" in [skill["name"] for skill in await server.ask("GET", "/skill")]
        assert server.logged().count("theme has no effect") == 2  # once by the session's worker, once by the project's
        assert "gone.md" in server.logged()


async def test_wrong_values_are_named_and_nothing_is_written(commented: Server) -> None:
    refused = await commented.ask("PATCH", "/config", {"agent": {"x": {"steps": "many"}}}, status=400)
    assert refused["data"]["message"] == 'Expected number | null, got string\n  at ["agent"]["x"]["steps"]'
    assert (commented.project / "opencode.jsonc").read_text() == COMMENTED


async def test_a_broken_file_is_told_and_the_instance_can_be_disposed(commented: Server) -> None:
    file = commented.project / "opencode.jsonc"
    file.write_text('{\n  "username": "x",\n  "model" "a/b"\n}')
    for method, path, body in (
        ("GET", "/config", None),
        ("GET", "/agent", None),
        ("PATCH", "/config", {"username": "y"}),
    ):
        data = (await commented.ask(method, path, body, status=400))["data"]
        assert (data["path"], data["line"], data["column"]) == (str(file), 3, 11)
    assert await commented.ask("POST", "/instance/dispose") is True
    file.write_text("{}")
    assert (await commented.ask("GET", "/config"))["agent"] == {}


async def test_the_users_own_file(make_server: Callable[..., Server], place: Path) -> None:
    own = place / "project" / "own"  # sessions see nothing else of the host's /tmp
    server = make_server(environment={"XDG_CONFIG_HOME": str(own)})
    await server.start()
    async with server.events("/global/event") as events:
        answer = await server.ask("PATCH", "/global/config", {"model": "a/b"})
        await events.until(lambda event: event["type"] == "global.disposed")
    assert answer == await server.ask("GET", "/global/config")
    assert answer["model"] == "a/b"
    assert json.loads((own / "opencode" / "opencode.json").read_text())["model"] == "a/b"
    assert (await server.ask("GET", "/config"))["model"] == "a/b"


async def test_the_change_is_in_the_audit_log(commented: Server) -> None:
    await commented.ask("PATCH", "/config", {"username": "after"})
    text = (commented.data / "audit/audit.jsonl").read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    (line,) = [line for line in lines if line["action"] == "policy.changed"]
    assert (line["file"], line["keys"]) == (str(commented.project / "opencode.jsonc"), ["username"])
