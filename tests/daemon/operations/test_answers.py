from pathlib import Path
from typing import Any

import pytest
from live import Live, live_daemon
from records import a_permission, a_question

from oad.contract.errors import ApiError
from oad.daemon.journal import Place

PLACE = Place("/p", "global", "ses_a")


def asked(live: Live) -> list[Any]:
    """A permission and a question are pending; the list gets what they come to."""
    outcomes: list[Any] = []
    live.asks.ask_permission(a_permission(), ["ls"], PLACE, outcomes.append)
    live.asks.ask_question(a_question(count=2), PLACE, outcomes.append)
    return outcomes


@pytest.mark.parametrize("reply", ["once", "always", "reject"])
async def test_words_of_replies(tmp_path: Path, reply: str) -> None:
    async with live_daemon(tmp_path) as live:
        outcomes = asked(live)
        body = {"reply": reply, "message": "m"}
        assert (await live.ask("permission.reply", body, requestID="per_1")).body == b"true"
        assert outcomes[0] == {"reply": reply, "message": "m"}


async def test_another_word_is_refused(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live:
        asked(live)
        with pytest.raises(ApiError) as failure:
            await live.ask("permission.reply", {"reply": "maybe"}, requestID="per_1")
        assert failure.value.status == 400
        assert len(live.asks.listing("permission")) == 1


async def test_the_older_route_answers_for_its_session_only(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live:
        await live.session("ses_a")
        await live.session("ses_b")
        outcomes = asked(live)
        with pytest.raises(ApiError) as failure:
            await live.ask("permission.respond", {"response": "once"}, sessionID="ses_b", permissionID="per_1")
        assert failure.value.body["_tag"] == "PermissionNotFoundError"
        body = {"response": "once", "remember": True}
        assert (await live.ask("permission.respond", body, sessionID="ses_a", permissionID="per_1")).body == b"true"
        assert outcomes == [{"reply": "always"}]


async def test_lists(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live:
        await live.session("ses_a")
        await live.session("ses_b")
        asked(live)
        assert [p["id"] for p in await live.json("permission.list")] == ["per_1"]
        assert [q["id"] for q in await live.json("question.list")] == ["que_1"]
        assert await live.json("permission.list", directory="/q") == []
        assert [p["id"] for p in await live.json("session.permissions", sessionID="ses_a")] == ["per_1"]
        assert await live.json("session.permissions", sessionID="ses_b") == []


@pytest.mark.parametrize(
    ("count", "given", "taken"),
    [
        (2, [["A"], ["B", "C"]], [["A"], ["B", "C"]]),
        (2, ["A", "B"], [["A"], ["B"]]),
        (1, ["A"], [["A"]]),
        (1, ["A", "B"], [["A", "B"]]),
        (2, ["A", ["B"]], [["A"], ["B"]]),
        (1, [], []),
    ],
)
async def test_answers_may_be_flat(tmp_path: Path, count: int, given: Any, taken: Any) -> None:
    async with live_daemon(tmp_path) as live:
        outcomes: list[Any] = []
        live.asks.ask_question(a_question(count=count), PLACE, outcomes.append)
        assert (await live.ask("question.reply", {"answers": given}, requestID="que_1")).body == b"true"
        assert outcomes == [{"answers": taken}]


async def test_a_question_is_rejected_once(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live:
        asked(live)
        assert (await live.ask("question.reject", requestID="que_1")).body == b"true"
        for op, body in (("question.reject", None), ("question.reply", {"answers": []})):
            with pytest.raises(ApiError) as failure:
                await live.ask(op, body, requestID="que_1")
            assert failure.value.status == 404
