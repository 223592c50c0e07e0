"""What the log of a real server says: who wrote each line, and for whom; and where it goes when it grows."""

import json
from collections.abc import Callable
from typing import Any

from oad.logs.rotation import files_of

from .server import Server, until

ASK_TO_SAY = {"parts": [{"type": "text", "text": "say hello"}]}


def lines_of(server: Server) -> list[dict[str, Any]]:
    files = files_of(server.data / "log" / "oad.log")
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]


async def test_a_request_is_followed_through_all_processes(make_server: Callable[..., Server]) -> None:
    server = make_server()
    await server.start("--log-level", "debug", "--gateways", "2")
    session = await server.create()
    other = await server.create()
    async with server.client() as client:
        headers = {"x-request-id": "trace-me-1"}
        answer = await client.post(f"/session/{session}/message", json=ASK_TO_SAY, headers=headers, timeout=30)
        assert (answer.status_code, answer.headers["x-request-id"]) == (200, "trace-me-1")
        assert (await client.get(f"/session/{other}")).headers["x-request-id"].startswith("req_")

    def caused() -> list[dict[str, Any]]:
        return [line for line in lines_of(server) if line.get("request") == "trace-me-1"]

    await until(
        lambda: {"gateway", "daemon", "session-worker"} <= {line["process"] for line in caused()}, "all said it"
    )
    found = caused()
    assert {line["session"] for line in found if line["process"] == "session-worker"} == {session}
    told = [line.get("session") for line in found if line["process"] == "daemon"]
    assert session in told
    assert set(told) <= {session, None}  # what the directory's worker asks is of no session
    assert len({line["pid"] for line in found}) == 3
    worker = next(process for process in server.processes() if f"{session} worker" in " ".join(process.cmdline()))
    assert {line["pid"] for line in found if line["process"] == "session-worker"} == {worker.pid}
    turns = [line for line in found if line["event"] in ("turn begins", "turn ended")]
    assert [line["event"] for line in turns] == ["turn begins", "turn ended"]
    assert (turns[1]["error"], turns[1]["model"], turns[1]["finish"]) == (None, "demo/demo", "stop")
    for line in lines_of(server):
        assert {"timestamp", "level", "logger", "event", "process", "pid"} <= set(line), line
    await server.stop()
    assert {"serve", "daemon", "gateway", "session-worker", "project-worker"} <= {
        line["process"] for line in lines_of(server)
    }


async def test_a_log_that_was_moved_is_made_anew(make_server: Callable[..., Server]) -> None:
    """As logrotate does it with ``create``. Workers can't open the new file; new ones do."""
    server = make_server()
    await server.start("--log-level", "debug")
    file = server.data / "log" / "oad.log"
    moved = file.rename(file.with_name("moved"))
    before = moved.stat().st_size

    async def said() -> bool:
        session = await server.create()
        await server.prompt(session, "say hello")
        return file.exists() and b'"process": "session-worker"' in file.read_bytes()

    await until(said, "a new worker writes to the new file", timeout_s=30)
    processes = {json.loads(line)["process"] for line in file.read_text().splitlines()}
    assert {"gateway", "daemon"} <= processes
    assert moved.stat().st_size >= before
    await server.stop()


async def test_problems_of_projects_and_providers_are_told(make_server: Callable[..., Server]) -> None:
    server = make_server()
    (server.project / "opencode.json").write_text(
        json.dumps(
            {
                "reference": {"x": "https://example.org/x.git"},
                "provider": {
                    "odd": {"npm": "no-such-package", "options": {"apiKey": "k"}, "models": {"m": {}}},
                    "dead": {
                        "npm": "@ai-sdk/openai-compatible",
                        "options": {"baseURL": "http://127.0.0.1:9/v1", "apiKey": "k"},
                        "models": {"m": {}},
                    },
                },
            }
        )
    )
    await server.start()
    session = await server.create()
    model = {"providerID": "dead", "modelID": "m"}
    await server.ask("POST", f"/session/{session}/prompt_async", {**ASK_TO_SAY, "model": model}, status=204)

    def told(event: str) -> list[dict[str, Any]]:
        return [line for line in lines_of(server) if line["event"] == event and line.get("session") == session]

    await until(lambda: bool(told("a model call failed")), "the failure is in the log")
    failed = told("a model call failed")[0]
    assert (failed["provider"], failed["attempt"], failed["level"]) == ("dead", 1, "warning")
    problems = {line["problem"] for line in told("configuration")}
    assert any("no-such-package" in problem for problem in problems), problems
    (server.project / "opencode.json").write_text('{"provider": {"x": {"models": 5}}}')
    async with server.client() as client:
        assert (await client.get("/config")).status_code == 400
    assert any("Config" in line["problem"] for line in lines_of(server) if line["event"] == "configuration")
    await server.ask("POST", f"/session/{session}/abort")
    await server.stop()
