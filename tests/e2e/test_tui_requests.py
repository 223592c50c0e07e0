"""Requests that drive terminal programs: what listeners and waiting clients get of them."""

import httpx2
import trio

from .server import Server


async def test_listeners_of_the_directory_get_events(shared: Server) -> None:
    async with shared.events() as here, shared.events(directory="/elsewhere") as elsewhere:
        await shared.ask("POST", "/tui/append-prompt", {"text": "hello"})
        event = await here.until(lambda event: event["type"] == "tui.prompt.append")
        assert event["properties"] == {"text": "hello"}
        assert elsewhere.types() == ["server.connected"]


async def test_a_waiting_client_gets_the_request_and_one_that_left_takes_none(shared: Server) -> None:
    async with shared.client() as client:
        try:
            await client.get("/tui/control/next", timeout=0.3)
        except httpx2.ReadTimeout:
            left = True
    assert left
    found: list[object] = []

    async def fetch() -> None:
        found.append(await shared.ask("GET", "/tui/control/next"))

    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(fetch)
            await shared.ask("POST", "/tui/append-prompt", {"text": "hello"})
    assert found == [{"path": "/tui/append-prompt", "body": {"text": "hello"}}]
    assert await shared.ask("POST", "/tui/control/response", {"done": True}) is True


async def test_what_a_program_can_not_do_is_refused(shared: Server) -> None:
    await shared.ask("POST", "/tui/show-toast", {"message": "m", "variant": "nope"}, status=400)
    await shared.ask("POST", "/tui/publish", {"type": "nope", "properties": {}}, status=400)
    await shared.ask("POST", "/tui/select-session", {"sessionID": "ses_unknown"}, status=404)
