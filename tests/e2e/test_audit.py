"""What a server does is in its audit log: who, what, where from, how it ended; and the log can be trusted."""

import subprocess
import sys
from typing import Any

import msgspec

from .server import Server, until


def lines(server: Server) -> list[dict[str, Any]]:
    text = (server.data / "audit/audit.jsonl").read_bytes()
    return [msgspec.json.decode(line) for line in text.splitlines()]


def one(server: Server, action: str, **fields: Any) -> dict[str, Any]:
    found = [line for line in lines(server) if line["action"] == action and fields.items() <= line.items()]
    assert len(found) == 1, (action, fields, found)
    return found[0]


def verify(server: Server) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "oad.cli.main", "audit", "verify", str(server.data / "audit")]
    return subprocess.run(command, capture_output=True, text=True, check=False)


async def test_requests_programs_and_ends_are_recorded(server: Server) -> None:
    session = await server.create(title="a")
    await server.prompt(session, "a private text")
    await server.ask("POST", f"/session/{session}/shell", {"agent": "build", "command": "exit 3"})
    await server.ask("POST", f"/session/{session}/shell", {"agent": "build", "command": "sudo id"}, status=403)
    await server.ask("POST", f"/session/{session}/abort")
    await server.ask("DELETE", f"/session/{session}")
    await until(lambda: any(line["action"] == "worker.ended" for line in lines(server)), "the worker's end is recorded")
    created = one(server, "request", op="session.create")
    assert created["who"] == "anyone"
    assert created["address"] == "127.0.0.1"
    prompt = one(server, "prompt", op="session.prompt", session=session)
    assert prompt["parts"] == [{"type": "text", "bytes": len("a private text")}]
    started = one(server, "exec.started", argv=["/bin/bash", "-c", "exit 3"], session=session)
    assert started["cwd"] == str(server.project)
    assert one(server, "exec.ended", exec=started["exec"])["exit"] == 3
    assert one(server, "shell.decision", decision="refused")["rule"] == "other-user"
    assert one(server, "answer", op="session.shell", status=403)
    assert one(server, "answer", op="session.delete")["status"] == 200
    assert "a private text" not in (server.data / "audit/audit.jsonl").read_text()
    assert await server.stop() == 0
    assert [lines(server)[0]["action"], lines(server)[-1]["action"]] == ["service.started", "service.stopped"]
    assert verify(server).returncode == 0


async def test_a_change_is_found(server: Server) -> None:
    await server.create()
    assert await server.stop() == 0
    file = server.data / "audit/audit.jsonl"
    changed = file.read_text().replace('"session.create"', '"session.delete"', 1)
    file.write_text(changed)
    done = verify(server)
    assert done.returncode == 1
    number = 1 + next(at for at, line in enumerate(changed.splitlines()) if "session.delete" in line)
    assert f"{file}:{number}:" in done.stderr
