"""``oad run`` and the other commands that talk to a server."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from oad.client import Client

from .foreground import Command
from .server import Server, title, until


class Shell:
    """Runs ``oad`` commands in the project directory, on the server's data."""

    def __init__(self, home: Path, project: Path, data: Path) -> None:
        self._home, self._project, self.data = home, project, data
        self.started: list[subprocess.Popen[str]] = []

    def start(self, *arguments: str, stdin: int = subprocess.DEVNULL) -> subprocess.Popen[str]:
        passed = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "LANG") if name in os.environ}
        process = subprocess.Popen(
            [sys.executable, "-m", "oad.cli.main", arguments[0], "--data-dir", str(self.data), *arguments[1:]],
            env={**passed, "HOME": str(self._home)},
            cwd=self._project,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.started.append(process)
        return process

    async def __call__(self, *arguments: str, status: int = 0) -> tuple[str, str]:
        process = self.start(*arguments)
        await until(lambda: process.poll() is not None, "the command ends", timeout_s=60)
        out, err = process.communicate()
        assert process.returncode == status, (arguments, out, err)
        return out, err


@pytest.fixture
def shell(place: Path) -> Iterator[Shell]:
    for name in ("server", "project"):
        (place / name).mkdir(exist_ok=True)
    shell = Shell(place / "server", place / "project", place / "server" / "data")
    yield shell
    for process in shell.started:
        if process.poll() is None:
            process.kill()
        process.communicate()


async def test_prints_the_answer_and_what_tools_did(server: Server, shell: Shell) -> None:
    out, err = await shell("run", "run: echo hello-there")
    assert "hello-there" in out
    assert "| bash  echo hello-there" in err


async def test_json_is_one_event_a_line_as_of_the_reference(server: Server, shell: Shell) -> None:
    out, _ = await shell("run", "--format", "json", "run: echo hi")
    events = [json.loads(line) for line in out.splitlines()]
    assert [e["type"] for e in events] == [
        "step_start", "text", "tool_use", "step_finish", "step_start", "text", "step_finish",
    ]  # fmt: skip
    assert events[2]["part"]["state"]["output"] == "hi\n"
    assert len({event["sessionID"] for event in events}) == 1


async def test_sessions_are_taken_up_again(server: Server, shell: Shell) -> None:
    await shell("run", "--title", "First", "hello")
    await shell("run", "--continue", "again")
    (record,) = await server.ask("GET", "/session")
    assert record["title"] == "First"
    await shell("run", "--session", record["id"], "once more")
    prompts = [m for m in await server.messages(record["id"]) if m["info"]["role"] == "user"]
    assert len(prompts) == 3
    out, _ = await shell("sessions")
    assert record["id"] in out and "First" in out


async def test_a_file_goes_along(server: Server, shell: Shell, place: Path) -> None:
    (place / "project" / "notes.txt").write_text("remember the milk")
    await shell("run", "--file", "notes.txt", "look at it")
    (record,) = await server.ask("GET", "/session")
    first, *_ = await server.messages(record["id"])
    assert "remember the milk" in json.dumps(first["parts"]) or any(p["type"] == "file" for p in first["parts"])


async def test_exit_statuses_tell_what_happened(server: Server, shell: Shell) -> None:
    assert "not provider/model" in (await shell("run", "--model", "x", "hi", status=2))[1]
    assert "nothing to send" in (await shell("run", status=2))[1]
    assert "none.txt: No such file" in (await shell("run", "--file", "none.txt", "hi", status=2))[1]
    assert "Session not found" in (await shell("run", "--session", "ses_none", "hi", status=1))[1]
    assert "Model not found" in (await shell("run", "--model", "no/such", "hi", status=1))[1]
    assert "127.0.0.1:1" in (await shell("run", "--attach", "http://127.0.0.1:1", "hi", status=3))[1]


async def test_a_wrong_credential_is_told_from_other_failures(shell: Shell, place: Path) -> None:
    command = Command(place / "server", "--port", "0", OPENCODE_SERVER_PASSWORD="right", OA_SERVER_TOKEN="t")
    try:
        await command.ready()
        assert "401: Unauthorized" in (await shell("run", "hi", status=3))[1]
        assert (await shell("run", "--password", "right", "hi"))[0]
        assert (await shell("run", "--token", "t", "hi"))[0]
    finally:
        command.process.kill()
        command.process.wait()


async def test_ctrl_c_stops_the_turn_first(server: Server, shell: Shell) -> None:
    process = shell.start("run", "run: sleep 300")
    await until(lambda: any("sleep 300" in title(p) for p in server.processes()), "the command runs")
    process.send_signal(signal.SIGINT)
    await until(lambda: process.poll() is not None, "the command ends")
    assert process.returncode == 130
    assert not any("sleep 300" in title(p) for p in server.processes())
    assert await server.statuses() == {}


async def test_without_a_server_a_temporary_one_answers_and_goes(shell: Shell) -> None:
    process = shell.start("run", "hello")
    seen: set[psutil.Process] = set()

    def ended() -> bool:
        if process.poll() is None:
            seen.update(psutil.Process(process.pid).children(recursive=True))
        return process.poll() is not None

    await until(ended, "the command ends", timeout_s=60)
    out, err = process.communicate()
    assert process.returncode == 0, err
    assert "demo" in out
    assert seen and not any(p.is_running() for p in seen)


async def test_abort_prints_the_receipt(server: Server, shell: Shell) -> None:
    session = await server.create()
    await server.prompt_async(session, "run: sleep 300")
    await until(lambda: any("sleep 300" in title(p) for p in server.processes()), "the command runs")
    receipt = json.loads((await shell("abort", session))[0])
    assert (receipt["sessionID"], receipt["survivors"]) == (session, 0)


async def test_permissions_are_rejected_unless_allowed(server: Server, shell: Shell, place: Path) -> None:
    (place / "project" / "opencode.json").write_text('{"permission": {"bash": "ask"}}')
    assert "permission rejected: bash (echo" in (await shell("run", "run: echo hi-there"))[1]
    out, err = await shell("run", "--auto", "run: echo hi-there")
    assert "rejected" not in err
    assert "hi-there" in out


async def test_the_client_resumes_where_a_stream_broke_off(server: Server) -> None:
    session = await server.create()
    await server.prompt(session, "hello")
    with Client(server.url, directory=str(server.project)) as client:
        assert client.sessions.get(session).id == session
        for event in client.events(after="1"):
            if event.type == "session.status" and event.number:
                break
        assert int(event.number.partition("-")[0].rstrip("a")) > 1
