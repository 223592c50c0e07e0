"""Requests that drive terminal programs: what listeners and waiting clients get of them."""

import httpx2
import trio

from .server import Server, until


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


async def test_a_bridge_of_an_editor_starts_a_prompt(shared: Server) -> None:
    async with shared.events() as events:
        begun = await shared.ask("POST", "/tui/append-prompt", {"prompt": "hello"})
        assert begun["ok"] is True
        session = begun["session_id"]
        await until(lambda: events.types().count("session.idle") == 1, "the turn has ended")
        assert await shared.ask("POST", "/tui/append-prompt", {"session_id": session, "text": "again"}) == begun
        await until(lambda: events.types().count("session.idle") == 2, "the second turn has ended")
        assert await shared.ask("POST", "/tui/append-prompt", {"sessionId": session, "content": "thrice"}) == begun
        await until(lambda: events.types().count("session.idle") == 3, "the third turn has ended")
        assert "tui.prompt.append" not in events.types()
    texts = [m["parts"][0]["text"] for m in await shared.messages(session) if m["info"]["role"] == "user"]
    assert texts == ["hello", "again", "thrice"]
    await shared.ask("POST", "/tui/append-prompt", {"session_id": "ses_unknown", "text": "x"}, status=404)
    await shared.ask("POST", "/tui/append-prompt", {"session_id": session}, status=400)
    await shared.ask("POST", "/tui/append-prompt", {}, status=400)


async def test_text_for_nobody_is_run_when_asked_to(shared: Server) -> None:
    place = shared.project / "unattended"  # the other one's requests have just been fetched
    place.mkdir()
    append = f"/tui/append-prompt?directory={place}"
    assert await shared.ask("POST", append, {"text": "hello"}) is True

    async def runs() -> bool:
        return await shared.ask("POST", f"{append}&run=true", {"text": "hello"}) is not True

    await until(runs, "nobody listens any more")
    async with shared.events(directory=str(place)) as events:
        await until(lambda: "server.connected" in events.types(), "somebody listens")
        assert await shared.ask("POST", f"{append}&run=true", {"text": "hello"}) is True
        await events.until(lambda event: event["type"] == "tui.prompt.append")
