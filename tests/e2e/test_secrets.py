"""Canary secrets, planted wherever a server has them, are found nowhere they must not be."""

from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest

from . import pty_client
from .server import Server

IN_ENVIRONMENT, STORED, PASSWORD = "sk-canary-environment-1", "sk-canary-stored-22", "canary-password-333"
PROXY = "canary-proxy-4444"
CANARIES = (IN_ENVIRONMENT, STORED, PASSWORD, PROXY)
# The same texts put together by the shell, so that the request itself does not hold them.
SPELLED = " ".join(f"{canary[:5]}''{canary[5:]}" for canary in CANARIES)
COMMAND = f"env; cat /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n'; for x in {SPELLED}; do echo $x; done; echo seen"
DEMO = {"providerID": "demo", "modelID": "demo"}  # the planted key would have another provider's be taken


@pytest.fixture
def planted() -> dict[str, str]:
    return {
        "MISTRAL_API_KEY": IN_ENVIRONMENT,
        "OPENCODE_SERVER_PASSWORD": PASSWORD,
        "https_proxy": f"http://user:{PROXY}@127.0.0.1:9",
    }


def found_in(text: bytes) -> list[str]:
    return [canary for canary in CANARIES if canary.encode() in text]


async def test_canaries_are_seen_nowhere(make_server: Callable[..., Server], planted: dict[str, str]) -> None:
    server = make_server(environment=planted)
    try:
        await server.start()
        await server.ask("PUT", "/auth/groq", {"type": "api", "key": STORED})
        session = await server.create(permission=[{"permission": "*", "pattern": "*", "action": "allow"}])
        async with server.events() as events:
            answer = await server.ask("POST", f"/session/{session}/shell", {"agent": "build", "command": COMMAND})
            output = answer["parts"][0]["state"]["output"]
            assert "seen" in output
            assert output.count("[redacted]") >= len(CANARIES)
            text = f"run {COMMAND}; (sleep 0.3; {COMMAND}) &"  # through the model's tool, and later by a job
            prompt = {"model": DEMO, "parts": [{"type": "text", "text": text}]}
            await server.ask("POST", f"/session/{session}/message", prompt)
            _, terminal = await pty_client.run(server, COMMAND)
            assert "seen" in terminal
            assert found_in(terminal.encode()) == []
            await events.until(lambda event: event["type"] == "job.ended")
            said = str(events.seen)
            assert said.count("[redacted]") >= 2 * len(CANARIES)
            assert found_in(said.encode()) == []
        async with server.client() as client:
            assert (await client.get("/config", auth=("opencode", "wrong-password"))).status_code == 401
            for path in ("/provider", "/config", f"/session/{session}/message", "/config/providers"):
                assert found_in((await client.get(path)).content) == [], path
        assert _in_processes(server) == []
        assert await server.stop() == 0
        assert _in_files(server) == []
    except httpx2.TransportError:
        pytest.fail(server.logged())


def _in_processes(server: Server) -> list[str]:
    found: list[str] = []
    for pid in [server.pid, *(process.pid for process in server.processes())]:
        for name in ("environ", "cmdline"):
            found += [f"{pid} {name} {each}" for each in found_in(Path(f"/proc/{pid}/{name}").read_bytes())]
        limits = Path(f"/proc/{pid}/limits").read_text()
        core = next(line for line in limits.splitlines() if line.startswith("Max core file size"))
        found += [] if core.split()[4:6] == ["0", "0"] else [f"{pid} may dump core"]
    return found


def _in_files(server: Server) -> list[str]:
    """The credential store is what holds the stored one; nothing else may hold any."""
    kept = {server.data / "auth.json", server.data / "credential"}
    files = [file for file in [server.log, *server.data.rglob("*")] if file.is_file() and file not in kept]
    assert any(file.suffix == ".jsonl" for file in files)
    return [f"{file} {each}" for file in files for each in found_in(file.read_bytes())]
