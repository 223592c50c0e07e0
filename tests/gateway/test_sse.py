from pathlib import Path
from urllib.parse import quote

import httpx2
import msgspec
import pytest
import trio

from oad.contract.wire import Call
from oad.link import Answer

from .conftest import FakeDaemon, Stand
from .reader import kind, reading


async def test_connected_comes_first_and_at_once(stand: Stand) -> None:
    async with reading(stand.port, "/event?directory=/p") as reader:
        event = await reader.next()
        assert event
        assert kind(event) == "server.connected"
        assert event.data["properties"] == {}
        assert event.data["id"].startswith("evt_")
        assert reader.headers["content-type"] == "text/event-stream"
        assert reader.headers["x-accel-buffering"] == "no"
        assert reader.headers["cache-control"] == "no-cache, no-transform"


async def test_one_directory_sees_only_its_events(stand: Stand) -> None:
    async with reading(stand.port, "/event", {"x-opencode-directory": "%2Fp"}) as reader:
        await reader.until("server.connected")
        await stand.daemon.publish("session.updated", {"n": 1}, directory="/other")
        await stand.daemon.publish("session.updated", {"n": 2})
        await stand.daemon.publish_volatile("message.part.delta", {"n": 3})
        first, second = await reader.next(), await reader.next()
        assert first
        assert second
        assert (first.id, first.data["properties"]) == ("2-0002", {"n": 2})
        assert (second.id, second.data["properties"]) == ("", {"n": 3})


async def test_global_stream_wraps_and_twins(stand: Stand) -> None:
    async with reading(stand.port, "/global/event") as reader:
        (connected,) = await reader.until("server.connected")
        assert set(connected.data) == {"payload"}
        await stand.daemon.publish("message.updated", {"sessionID": "ses_1"})
        await stand.daemon.publish("session.idle", {"sessionID": "ses_1"})
        event, twin, idle = [await reader.next() for _ in range(3)]
        assert event
        assert twin
        assert idle
        assert event.data["directory"] == "/p"
        assert event.data["project"] == "prj"
        assert event.data["payload"] == {
            "id": "evt_0001",
            "type": "message.updated",
            "properties": {"sessionID": "ses_1"},
        }
        assert twin.data["payload"] == {
            "id": "evt_0001",
            "type": "sync",
            "syncEvent": {
                "id": "evt_0001",
                "type": "message.updated.1",
                "seq": 0,
                "aggregateID": "ses_1",
                "data": {"sessionID": "ses_1"},
            },
        }
        assert kind(idle) == "session.idle"


async def test_types_narrow_a_stream(stand: Stand) -> None:
    async with reading(stand.port, "/event?directory=/p&types=session.idle,session.error") as reader:
        await reader.until("server.connected")
        await stand.daemon.publish("session.updated", {})
        await stand.daemon.publish("session.idle", {})
        event = await reader.next()
        assert event
        assert kind(event) == "session.idle"


async def test_replay_joins_the_living_stream_without_gap_or_duplicate(stand: Stand) -> None:
    async with reading(stand.port, "/global/event") as first:
        for number in range(1200):
            await stand.daemon.publish("todo.updated", {"n": number})
        seen = [event for event in [await first.next() for _ in range(701)] if event]
    async with reading(stand.port, "/event?directory=/p", {"last-event-id": seen[-1].id}) as second:
        await stand.daemon.publish("todo.updated", {"n": 1200})
        rest = [event for event in [await second.next() for _ in range(502)] if event]
    numbers = [event.data["properties"]["n"] for event in rest[1:]]
    assert numbers == list(range(700, 1201))


async def test_replay_says_when_its_window_is_gone(stand: Stand) -> None:
    for number in range(5):
        await stand.daemon.publish("todo.updated", {"n": number})
    await stand.daemon.taken()
    stand.daemon.kept_from = 4
    async with reading(stand.port, "/event?directory=/p&lastEventID=1") as reader:
        (_, incomplete) = await reader.until("server.replay_incomplete")
        told = incomplete.data["properties"]
        assert (told["reason"], told["after"], told["first"]) == ("expired", "1", 4)
        assert [e.id for e in [await reader.next(), await reader.next()] if e] == ["4-0004", "5-0005"]


@pytest.mark.parametrize("strange", ["garbage", "-1", "2-9999", "3", "1" * 18, "1" * 500, "é"])
async def test_positions_in_no_journal_of_ours_are_said_to_be_so(stand: Stand, strange: str) -> None:
    """The client is told once, and its next position is one of ours."""
    for number in range(2):
        await stand.daemon.publish("todo.updated", {"n": number})
    await stand.daemon.taken()
    async with reading(stand.port, f"/event?directory=/p&lastEventID={quote(strange)}") as reader:
        (_, incomplete) = await reader.until("server.replay_incomplete")
        assert incomplete.data["properties"]["reason"] == "unknown"
        assert incomplete.id == "2-0002"
        await stand.daemon.publish("todo.updated", {"n": 2})
        event = await reader.next()
        assert event and event.id == "3-0003"
    async with reading(stand.port, "/event?directory=/p", {"last-event-id": incomplete.id}) as reader:
        assert [e.id for e in [await reader.next(), await reader.next()] if e] == ["", "3-0003"]


async def test_a_break_between_an_event_and_its_twin_loses_and_repeats_neither(stand: Stand) -> None:
    for number in range(2):
        await stand.daemon.publish("message.updated", {"n": number})
    async with reading(stand.port, "/global/event", {"last-event-id": "1a-0001"}) as reader:
        await reader.until("server.connected")
        found = [event for event in [await reader.next() for _ in range(3)] if event]
    assert [event.id for event in found] == ["1-0001", "2a-0002", "2-0002"]
    assert [kind(event) for event in found] == ["sync", "message.updated", "sync"]


async def test_a_stream_that_is_open_before_the_daemon_is_there_gets_everything(tmp_path: Path) -> None:
    """A gateway that was just started takes requests before it knows where the journal ends."""
    async with trio.open_nursery() as nursery:
        stand = Stand(tmp_path, nursery)
        await stand.start_gateway()
        async with reading(stand.port, "/event?directory=/p", {"last-event-id": "1-0001"}) as reader:
            await reader.until("server.connected")
            stand.daemon = FakeDaemon(tmp_path, "e1", stand.journal)
            for number in range(1, 4):
                stand.daemon.record("todo.updated", {"n": number})
            nursery.start_soon(stand.daemon.run)
            found = [await reader.next(), await reader.next()]
            await stand.daemon.publish("todo.updated", {"n": 4})
            found.append(await reader.next())
        nursery.cancel_scope.cancel()
    assert [event.id for event in found if event] == ["2-0002", "3-0003", "4-0004"]


async def test_open_streams_hear_that_the_journal_is_another(stand: Stand) -> None:
    async with reading(stand.port, "/event?directory=/p&types=todo.updated") as reader:
        await reader.until("server.connected")
        for number in range(3):
            await stand.daemon.publish("todo.updated", {"n": number})
        await stand.daemon.taken()
        stand.stop_daemon()
        stand.journal.clear()  # an older copy was put in its place, say, and has grown since
        for number in range(4):
            stand.daemon.record("todo.updated", {"n": number})
        stand.journal[2] = (msgspec.structs.replace(stand.journal[2][0], id="evt_other"), stand.journal[2][1])
        await stand.start_daemon("e2").greeted.wait()
        await stand.daemon.publish("todo.updated", {"n": 9})
        seen = await reader.until("server.replay_incomplete")
        assert [event.id for event in seen[:3]] == ["1-0001", "2-0002", "3-0003"]
        last = await reader.next()
        assert last and last.data["properties"].get("n") == 9, last


async def test_what_another_gateway_delivered_first_is_not_repeated(stand: Stand) -> None:
    """The client was at a gateway that is ahead of this one, which learns of the events only now."""
    journalled = [stand.daemon.record("todo.updated", {"n": number}) for number in range(1, 4)]
    async with reading(stand.port, "/event?directory=/p", {"last-event-id": "2"}) as reader:
        await reader.until("server.connected")
        for push, body in journalled:
            await stand.daemon.push(push, body)
        event = await reader.next()
        assert event
        assert event.id == "3-0003"


async def test_reader_that_stalls_is_cut_and_comes_back_for_the_rest(stand: Stand) -> None:
    async with reading(stand.port, "/event?directory=/p") as reader:
        await reader.until("server.connected")
        for number in range(1, 31):
            await stand.daemon.publish("todo.updated", {"n": number, "text": "x" * 300_000})
        for number in range(31, 1300):
            await stand.daemon.publish("todo.updated", {"n": number})
        await stand.daemon.taken()
        seen = [event async for event in reader]
        assert reader.ended is False
    assert 0 < len(seen) < 1299
    async with reading(stand.port, "/event?directory=/p", {"last-event-id": seen[-1].id}) as reader:
        await reader.until("server.connected")
        while seen[-1].data["properties"]["n"] < 1299:
            event = await reader.next()
            assert event
            seen.append(event)
    assert [event.data["properties"]["n"] for event in seen] == list(range(1, 1300))


async def test_stream_ends_cleanly_with_its_instance(stand: Stand) -> None:
    async with reading(stand.port, "/event?directory=/p") as reader, reading(stand.port, "/global/event") as other:
        await stand.daemon.publish("server.instance.disposed", {"directory": "/p"})
        await stand.daemon.publish("oad.streams.end", {})
        await stand.daemon.publish("session.idle", {})
        assert kind((await reader.until("server.instance.disposed"))[-1]) == "server.instance.disposed"
        assert await reader.next() is None
        assert reader.ended is True
        await other.until("session.idle")


async def test_stop_breaks_streams_off(stand: Stand) -> None:
    async with reading(stand.port, "/event?directory=/p") as reader:
        await reader.until("server.connected")
        stand.stopping.set()
        assert await reader.next() is None
        assert reader.ended is False


async def test_answer_comes_after_its_events(stand: Stand, client: httpx2.AsyncClient) -> None:
    """A client may stop reading its stream once it has the answer: everything must be in its socket by then."""

    async def turn(call: Call, body: bytes) -> Answer:
        for number in range(50):
            await stand.daemon.publish("todo.updated", {"n": number})
        return Answer(b"true")

    async with reading(stand.port, "/event?directory=/p") as reader:
        await reader.until("server.connected")
        stand.daemon.handler = turn
        await client.post("/session/ses_1/abort")
        assert reader.arrived().count(b"todo.updated") == 50


async def test_unusable_directory_is_refused(client: httpx2.AsyncClient) -> None:
    assert (await client.get("/event", params={"directory": "/a\0b"})).status_code == 400
