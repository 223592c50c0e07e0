"""Who may connect to a terminal, and what is written down of it."""

from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec
import pytest

from .pty_client import Refused, connected, create, exit_of
from .server import Server, until

TICKET = {"x-opencode-ticket": "1"}
FOREIGN = {"origin": "https://evil.example"}
PASSWORD = "pass word"
BASIC = b64encode(f"opencode:{PASSWORD}".encode()).decode()


@pytest.fixture
async def guarded(make_server: Callable[..., Server]) -> AsyncIterator[Server]:
    server = make_server(environment={"OPENCODE_SERVER_PASSWORD": PASSWORD})
    await server.start()
    yield server


async def post(server: Server, path: str, headers: dict[str, str]) -> tuple[int, Any]:
    async with server.client() as client:
        answer = await client.post(path, headers=headers)
        return answer.status_code, msgspec.json.decode(answer.content)


async def ticket(server: Server, pty: str, path: str = "/pty") -> str:
    status, token = await post(server, f"{path}/{pty}/connect-token", TICKET)
    assert (status, token["expires_in"]) == (200, 60)
    return str(token["ticket"])


async def refusal(server: Server, pty: str, headers: dict[str, str] | None = None, **query: str) -> int:
    with pytest.raises(Refused) as refused:
        # Without headers it would show the server's credential by itself.
        async with connected(server, pty, headers=headers or {}, **query):
            pass
    return refused.value.status


async def test_whoever_connects_shows_who_they_are(guarded: Server) -> None:
    pty = await create(guarded, "/bin/cat")
    assert await refusal(guarded, pty) == 401
    assert await refusal(guarded, pty, {"authorization": "Basic eDp5"}) == 401
    assert await refusal(guarded, pty, auth_token="eDp5") == 401
    async with connected(guarded, pty, headers={"authorization": f"Basic {BASIC}"}):
        pass
    async with connected(guarded, pty, headers={}, auth_token=BASIC):
        pass
    once = await ticket(guarded, pty)
    async with connected(guarded, pty, headers={}, ticket=once) as client:
        await client.type("hello\n")
        await client.sees("hello\r\nhello")
    assert await refusal(guarded, pty, ticket=once) == 403, "a ticket is for one connection"


async def test_tickets_of_others_and_none(guarded: Server) -> None:
    one, other = await create(guarded, "/bin/cat"), await create(guarded, "/bin/cat")
    assert await refusal(guarded, other, ticket=await ticket(guarded, one)) == 403
    for text in ("bogus", ""):
        assert await refusal(guarded, one, ticket=text) == 403
        assert await refusal(guarded, one, ticket=text, auth_token=BASIC) == 403
    assert await refusal(guarded, "pty_nope", auth_token=BASIC) == 404


async def test_tickets_are_not_given_to_pages_of_others(shared: Server) -> None:
    pty = await create(shared, "/bin/cat")
    forbidden = {"_tag": "PtyForbiddenError", "message": "Invalid PTY connect token request"}
    assert await post(shared, f"/pty/{pty}/connect-token", {}) == (403, forbidden)
    assert await post(shared, f"/pty/{pty}/connect-token", TICKET | FOREIGN) == (403, forbidden)
    assert (await post(shared, "/pty/pty_nope/connect-token", TICKET))[0] == 404
    status, _ = await post(shared, f"/pty/{pty}/connect-token", TICKET | {"origin": "http://localhost:3000"})
    assert status == 200


async def test_pages_of_others_do_not_connect(shared: Server) -> None:
    pty = await create(shared, "/bin/cat")
    assert await refusal(shared, pty, FOREIGN) == 403
    assert await refusal(shared, pty, FOREIGN, ticket=await ticket(shared, pty)) == 403
    async with connected(shared, pty, headers={"origin": "http://localhost:3000"}):
        pass


async def test_without_a_websocket_there_is_nothing(shared: Server) -> None:
    pty = await create(shared, "/bin/cat")
    async with shared.client() as client:
        for id in (pty, "pty_nope"):
            answer = await client.get(f"/pty/{id}/connect")
            assert (answer.status_code, answer.content) == (404, b"")


async def test_each_api_lists_its_own_and_reaches_all(shared: Server) -> None:
    made = await shared.ask("POST", "/api/pty", {"command": "/bin/cat"})
    pty = made["data"]["id"]
    assert made["location"]["directory"] == str(shared.project)
    assert pty in [each["id"] for each in (await shared.ask("GET", "/api/pty"))["data"]]
    assert pty not in [each["id"] for each in await shared.ask("GET", "/pty")]
    async with connected(shared, pty, path="/api/pty", ticket=await ticket_v2(shared, pty)) as client:
        await client.type("hello\n")
        await client.sees("hello\r\nhello")
    refused = await shared.ask("POST", "/api/pty", {"command": "/no/such"}, status=400)
    assert refused["_tag"] == "InvalidRequestError"
    await shared.ask("DELETE", f"/api/pty/{pty}", status=204)
    assert (await shared.ask("GET", f"/api/pty/{pty}", status=404))["_tag"] == "PtyNotFoundError"


async def ticket_v2(server: Server, pty: str) -> str:
    status, token = await post(server, f"/api/pty/{pty}/connect-token", TICKET)
    assert status == 200
    return str(token["data"]["ticket"])


async def test_what_is_run_and_who_connects_is_recorded(server: Server) -> None:
    async with server.events() as events:
        pty = await create(server, "/bin/sh", "-c", "read -r _; exit 3")
        text = await ticket(server, pty)
        async with connected(server, pty, ticket=text) as client:
            await client.type("secret words\n")
            assert await exit_of(events, pty) == 3
    await server.ask("POST", "/pty", {"command": "sudo", "args": ["id"]}, status=403)

    def recorded() -> list[dict[str, Any]]:
        lines = (server.data / "audit/audit.jsonl").read_bytes().splitlines()
        return [msgspec.json.decode(line) for line in lines]

    await until(lambda: any(line["action"] == "exec.ended" for line in recorded()), "the end is recorded")
    lines = recorded()
    (asked, _) = [line for line in lines if line["action"] == "terminal"]
    assert asked["values"] == {"command": "/bin/sh", "args": ["-c", "read -r _; exit 3"]}
    (started,) = [line for line in lines if line["action"] == "exec.started"]
    assert (started["who"], started["argv"][0], started["profile"]) == (f"pty:{pty}", "/bin/sh", "workspace")
    (ended,) = [line for line in lines if line["action"] == "exec.ended"]
    assert ended["exit"] == 3
    (connection,) = [line for line in lines if line["action"] == "terminal.connect"]
    assert (connection["who"], connection["params"]["ptyID"]) == ("anyone", pty)
    decisions = [line["decision"] for line in lines if line["action"] == "shell.decision"]
    assert decisions == ["allowed", "refused"]
    text_of_log = (server.data / "audit/audit.jsonl").read_text()
    assert "secret words" not in text_of_log
    assert text not in text_of_log
