"""Users of a real server, who come and go by the file and a reload."""

import json
import signal
from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest

from oad.logs.rotation import files_of

from .pty_client import Refused, connected, create
from .server import Json, Server, until

ANN, BOB = "ann-token-0123456789", "bob-token-0123456789"
PROMPT = {"parts": [{"type": "text", "text": "say hello"}]}


def write(file: Path, *lines: str) -> None:
    file.write_text("\n".join(lines) + "\n")
    file.chmod(0o600)


def client_of(server: Server, token: str) -> httpx2.AsyncClient:
    headers = {"authorization": f"Bearer {token}", "x-opencode-directory": str(server.project)}
    return httpx2.AsyncClient(base_url=server.url, headers=headers, timeout=60, trust_env=False)


def logged(server: Server) -> list[Json]:
    files = files_of(server.data / "log" / "oad.log")
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]


def reload(server: Server) -> None:
    server.one("oad-daemon").send_signal(signal.SIGHUP)


async def test_users_are_read_anew(make_server: Callable[..., Server], place: Path) -> None:
    server, file = make_server(environment={"OPENCODE_SERVER_PASSWORD": "pass word"}), place / "users"
    write(file, f"ann {ANN}")
    await server.start("--set", f"server.users_file={file}", "--gateways", "2", "--log-level", "debug")
    async with client_of(server, ANN) as ann, client_of(server, BOB) as bob:
        session = (await ann.post("/session", json={})).json()["id"]
        assert (await ann.post(f"/session/{session}/message", json=PROMPT)).status_code == 200
        turns = [line for line in logged(server) if line["event"] == "turn ended"]
        assert [(line["user"], line["session"]) for line in turns] == [("ann", session)]
        assert {"gateway", "daemon", "session-worker"} <= {
            line["process"] for line in logged(server) if line.get("user") == "ann"
        }

        write(file, "this is no file of users at all")
        reload(server)
        await until(lambda: sum("line 1: expected a name" in line["event"] for line in logged(server)) == 2, "told")
        assert (await ann.get("/session")).status_code == 200

        pty = await create(server, "/bin/cat")
        issued = await ann.post(f"/pty/{pty}/connect-token", headers={"x-opencode-ticket": "1"})
        spare = (await ann.post(f"/pty/{pty}/connect-token", headers={"x-opencode-ticket": "1"})).json()["ticket"]
        async with (
            ann.stream("GET", "/event", timeout=30) as stream,
            connected(server, pty, headers={}, ticket=issued.json()["ticket"]) as terminal,
            server.events("/global/event") as owner,
        ):
            await terminal.type("hello\n")
            await terminal.sees("hello\r\nhello")
            write(file, f"bob {BOB}")
            reload(server)
            try:
                async for _ in stream.aiter_bytes():
                    pass
            except httpx2.RemoteProtocolError:
                pass  # it breaks off
            assert await terminal.ended() == 1012
            await until(lambda: is_let_in(bob), "the new one is known")
            for _ in range(8):  # by either gateway
                async with client_of(server, ANN) as again:
                    assert (await again.get("/session")).status_code == 401
            with pytest.raises(Refused) as refused:
                async with connected(server, pty, headers={}, ticket=spare):
                    pass
            assert refused.value.status == 403
            await server.create()
            await owner.until(lambda event: event["type"] == "session.created")  # this stream is still open


async def is_let_in(client: httpx2.AsyncClient) -> bool:
    return (await client.get("/session")).status_code == 200
