"""Sessions that come from another server."""

import json
from pathlib import Path
from typing import Any

import pytest
from live import Live, live_daemon
from records import a_text, a_user, an_answer, of_message, of_part

from oad.contract.errors import ApiError
from oad.contract.session import OnAskWish, SessionShare


async def history(path: Path) -> list[dict[str, Any]]:
    """Of a session on another server, with an answer that was under way there."""
    async with live_daemon(path) as other:
        share = SessionShare(url="https://example.invalid/s")
        await other.session("ses_a", title="Away", share=share, on_ask=OnAskWish(policy="allow"), parent_id="ses_x")
        for type, properties in (
            ("message.updated", of_message(a_user("msg_1"))),
            ("message.part.updated", of_part(a_text("prt_1", text="hello", end=2))),
            ("message.updated", of_message(an_answer("msg_2"))),
        ):
            other.put(type, properties)
        found = await other.json("sync.history.list", {})
    return [{("aggregateID" if key == "aggregate_id" else key): value for key, value in e.items()} for e in found]


async def replay(live: Live, events: list[dict[str, Any]]) -> Any:
    return await live.json("sync.replay", {"directory": "/here", "events": events})


async def refused(live: Live, events: list[dict[str, Any]]) -> str:
    with pytest.raises(ApiError) as caught:
        await replay(live, events)
    assert caught.value.status == 400
    return str(caught.value.body["data"]["message"])


async def test_made_of_its_history_and_at_home_here(tmp_path: Path) -> None:
    events = await history(tmp_path / "other")
    async with live_daemon(tmp_path / "here") as live:
        assert await replay(live, events) == {"sessionID": "ses_a"}
        session = live.sessions.find("ses_a")
        assert (session.title, session.directory) == ("Away", "/here")
        assert (session.share, session.on_ask, session.parent_id) == (None, None, None)
        listed = await live.json("session.messages", sessionID="ses_a")
        assert [message["info"]["id"] for message in listed] == ["msg_1", "msg_2"]
        assert listed[1]["parts"][0]["text"] == "hello"
        assert "completed" in listed[1]["info"]["time"], "nothing of it is under way here"
        assert live.open_things() == []


async def test_the_same_again_changes_nothing(tmp_path: Path) -> None:
    events = await history(tmp_path / "other")
    async with live_daemon(tmp_path / "here") as live:
        await replay(live, events)
        before = len(live.published)
        assert await replay(live, events) == {"sessionID": "ses_a"}
        assert len(live.published) == before
        more = {**events[0], "id": "evt_of_later"}
        assert "history of its own" in await refused(live, [more])


async def test_events_of_another_session_make_none(tmp_path: Path) -> None:
    events = await history(tmp_path / "other")
    async with live_daemon(tmp_path / "here") as live:
        await replay(live, events)
        renamed = json.loads(json.dumps(events).replace("ses_a", "ses_b"))
        assert "another session" in await refused(live, renamed)
        assert not live.sessions.exists("ses_b")


async def test_a_history_without_its_beginning_makes_none(tmp_path: Path) -> None:
    events = await history(tmp_path / "other")
    async with live_daemon(tmp_path / "here") as live:
        assert "does not begin" in await refused(live, events[1:])
        await live.session("ses_a")
        assert "here already" in await refused(live, events)


async def test_nothing_can_be_stolen(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live:
        await live.session()
        with pytest.raises(ApiError) as caught:
            await live.ask("sync.steal", {"sessionID": "ses_a"})
        assert caught.value.body == {"_tag": "BadRequest"}
