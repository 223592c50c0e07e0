from pathlib import Path

import msgspec
import pytest
import trio
from live import Live, live_daemon
from records import a_text, a_user, an_answer, of_message, of_part

from oad.contract.errors import ApiError


async def transcript(live: Live, count: int = 5) -> None:
    await live.session()
    for number in range(count):
        live.put("message.updated", of_message(a_user(f"msg_{number}", created=number)))
        live.put("message.part.updated", of_part(a_text(f"prt_{number}", f"msg_{number}", str(number), end=1)))
    await live.journal.settled()


async def test_pages_lead_back_to_the_first_message(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live:
        await transcript(live)
        seen: list[str] = []
        params = {"limit": "2"}
        for _ in range(3):
            answer = await live.ask("session.messages", sessionID="ses_a", **params)
            page = [message["info"]["id"] for message in msgspec.json.decode(answer.body)]
            seen = page + seen
            if "x-next-cursor" in answer.headers:
                params["before"] = answer.headers["x-next-cursor"]
                assert f"before={params['before']}" in answer.headers["link"]
        assert seen == [f"msg_{number}" for number in range(5)]
        assert answer.headers == {}


async def test_no_limit_is_all(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live:
        await transcript(live)
        for params in ({}, {"limit": "0"}, {"limit": "5"}):
            answer = await live.ask("session.messages", sessionID="ses_a", **params)
            assert len(msgspec.json.decode(answer.body)) == 5
            assert answer.headers == {}


@pytest.mark.parametrize("before", ["nonsense", "e30", "%%%", "\u00fc"])
async def test_a_bad_cursor(tmp_path: Path, before: str) -> None:
    async with live_daemon(tmp_path) as live:
        await transcript(live)
        with pytest.raises(ApiError) as failure:
            await live.ask("session.messages", sessionID="ses_a", limit="2", before=before)
        assert (failure.value.status, failure.value.body) == (400, {"_tag": "BadRequest"})


async def test_one_message_and_its_removal(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live:
        await transcript(live, 1)
        ids = {"sessionID": "ses_a", "messageID": "msg_0"}
        assert (await live.json("session.message", **ids))["parts"][0]["text"] == "0"
        assert (await live.ask("part.delete", **ids, partID="prt_0")).body == b"true"
        assert (await live.json("session.message", **ids))["parts"] == []
        assert (await live.ask("session.deleteMessage", **ids)).body == b"true"
        assert (await live.ask("session.deleteMessage", **ids)).body == b"true"
        with pytest.raises(ApiError) as failure:
            await live.ask("session.message", **ids)
        assert failure.value.status == 404


async def test_a_part_is_replaced_or_added(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live:
        await transcript(live, 1)
        ids = {"sessionID": "ses_a", "messageID": "msg_0"}
        for id in ("prt_0", "prt_new"):
            part = a_text(id, "msg_0", "changed", end=2)
            answer = await live.json("part.update", part, **ids, partID=id)
            assert answer == msgspec.to_builtins(part)
        texts = [part["text"] for part in (await live.json("session.message", **ids))["parts"]]
        assert texts == ["changed", "changed"]
        with pytest.raises(ApiError) as failure:
            await live.ask("part.update", a_text("prt_0", "msg_0"), **ids, partID="prt_other")
        assert failure.value.status == 400
        with pytest.raises(ApiError) as failure:
            await live.ask(
                "part.update", a_text("prt_0", "msg_9"), sessionID="ses_a", messageID="msg_9", partID="prt_0"
            )
        assert failure.value.status == 404


async def test_a_running_turn_is_not_changed_under_its_feet(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live, trio.open_nursery() as nursery:
        await live.session()
        worker, _ = await live.begin(nursery)
        ids = {"sessionID": "ses_a", "messageID": "msg_1"}
        for op in ("session.deleteMessage", "part.delete", "part.update"):
            with pytest.raises(ApiError) as failure:
                await live.ask(op, a_text("prt_1", "msg_1"), **ids, partID="prt_1")
            assert failure.value.status == 409
            assert failure.value.body["_tag"] == "SessionBusyError"
        worker.finish.set()


async def test_a_list_shows_what_a_running_tool_has_given_so_far(tmp_path: Path) -> None:
    from records import a_tool

    async with live_daemon(tmp_path) as live:
        await live.session()
        live.put("message.updated", of_message(an_answer()))
        live.put("message.part.updated", of_part(a_tool("prt_1", "pending")))
        newer = msgspec.json.encode(of_part(a_tool("prt_1", "running")))
        live.turns.observe("message.part.updated", "ses_a", newer, durable=False)
        await live.journal.settled()
        (message,) = await live.json("session.messages", sessionID="ses_a")
        assert message["parts"][0]["state"]["metadata"] == {"output": "so far"}
