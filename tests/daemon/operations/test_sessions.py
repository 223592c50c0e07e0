from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio
from census import count_entries
from live import LinkWorker, Live, live_daemon, prompt, until
from records import a_text, a_user, an_answer, of_message, of_part

from oad.contract.errors import ApiError
from oad.contract.message import CompactionPart, FileDiff, UserSummary
from oad.contract.policy import Policy, StoragePolicy
from oad.contract.session import SessionTime
from oad.contract.wire import Call
from oad.daemon.journal import Place
from oad.link import Answer


async def failure(live: Live, op: str, body: Any = None, **params: str) -> ApiError:
    with pytest.raises(ApiError) as raised:
        await live.ask(op, body, **params)
    return raised.value


async def test_create_answers_the_record_and_tells_it(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live:
        made = await live.json("session.create", {"title": "x", "agent": "plan"})
        assert (made["title"], made["agent"], made["directory"], made["cost"]) == ("x", "plan", "/p", 0)
        assert made["id"].startswith("ses_")
        assert await live.json("session.get", sessionID=made["id"]) == made
        assert live.of_type("session.created") == [{"sessionID": made["id"], "info": made}]
        assert (await live.json("session.create"))["title"].startswith("New session - ")
        assert (await live.json("session.create", {"parentID": "ses_x"}))["title"].startswith("Child session - ")


async def test_a_body_that_is_none_is_refused(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live:
        for body in (b"{", b'{"title":5}', b'{"title":"\xff"}'):
            assert (await failure(live, "session.create", body)).status == 400


@pytest.mark.parametrize(
    "op", ["session.get", "session.update", "session.delete", "session.children", "session.todo", "session.fork",
           "session.messages", "session.abortReceipt", "session.prompt"],
)  # fmt: skip
async def test_an_unknown_session_is_not_found(tmp_path: Path, op: str) -> None:
    async with live_daemon(tmp_path) as live:
        error = await failure(live, op, {}, sessionID="ses_x", messageID="msg_x")
        assert error.status == 404
        assert error.body == {"name": "NotFoundError", "data": {"message": "Session not found: ses_x"}}


async def test_unknown_sessions_that_are_no_failure(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live:
        assert (await live.ask("session.abort", sessionID="ses_x")).body == b"true"
        assert (await live.ask("session.diff", sessionID="ses_x")).body == b"[]"


async def test_update_changes_what_is_given_and_leaves_the_time(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live:
        await live.session(metadata={"a": 1})
        rule = {"permission": "bash", "pattern": "*", "action": "deny"}
        await live.ask("session.update", {"permission": [rule]}, sessionID="ses_a")
        patch = {"title": "", "metadata": {"b": 2}, "permission": [rule], "time": {"archived": 0}}
        changed = await live.json("session.update", patch, sessionID="ses_a")
        assert (changed["title"], changed["metadata"], len(changed["permission"])) == ("", {"b": 2}, 2)
        assert changed["time"]["archived"] == 0
        assert await live.json("session.update", {"title": None}, sessionID="ses_a") == changed


@pytest.mark.parametrize(("limit", "count"), [("0", 0), ("2", 2), ("-1", 3), ("abc", 3), (None, 3)])
async def test_limits_of_the_list(tmp_path: Path, limit: str | None, count: int) -> None:
    async with live_daemon(tmp_path) as live:
        for number in range(3):
            await live.session(f"ses_{number}", time=SessionTime(created=1, updated=number))
        await live.session("ses_q", directory="/q")
        params = {} if limit is None else {"limit": limit}
        assert len(await live.json("session.list", **params)) == count


async def test_the_list_of_all_directories_has_projects_and_a_cursor(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live:
        for number in range(3):
            await live.session(f"ses_{number}", directory=f"/{number}", time=SessionTime(created=1, updated=number))
        await live.session("ses_old", time=SessionTime(created=1, updated=9, archived=1))
        answer = await live.ask("experimental.session.list", limit="2")
        page = msgspec.json.decode(answer.body)
        assert [s["id"] for s in page] == ["ses_2", "ses_1"]
        assert page[0]["project"] is None
        rest = await live.ask("experimental.session.list", cursor=answer.headers["x-next-cursor"])
        assert [s["id"] for s in msgspec.json.decode(rest.body)] == ["ses_0"]
        assert rest.headers == {}
        narrowed = await live.json("experimental.session.list", filterDirectory="/1")
        assert [s["id"] for s in narrowed] == ["ses_1"]


async def test_status_lists_who_is_busy_here(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live, trio.open_nursery() as nursery:
        await live.session("ses_a")
        await live.session("ses_b")
        await live.session("ses_q", directory="/q")
        worker, _ = await live.begin(nursery, "ses_a")
        other, _ = await live.begin(nursery, "ses_q")
        assert await live.json("session.status") == {"ses_a": {"type": "busy"}}
        dense = await live.json("session.status", all="true")
        assert dense == {"ses_a": {"type": "busy"}, "ses_b": {"type": "idle"}}
        live.turns.statuses["ses_gone"] = {"type": "busy"}
        assert await live.json("session.status") == {"ses_a": {"type": "busy"}}
        worker.finish.set()
        other.finish.set()


async def test_delete_takes_the_whole_tree_and_stops_it(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live, trio.open_nursery() as nursery:
        await live.session("ses_a")
        await live.session("ses_b", parent_id="ses_a")
        await live.session("ses_c", parent_id="ses_b")
        await live.session("ses_d")
        _, answers = await live.begin(nursery, "ses_a")
        await live.begin(nursery, "ses_c")
        assert (await live.ask("session.delete", sessionID="ses_a")).body == b"true"
        assert [p["sessionID"] for p in live.of_type("session.deleted")] == ["ses_c", "ses_b", "ses_a"]
        assert live.supervisor.live() == []
        assert live.open_things() == []
        assert [s["id"] for s in await live.json("session.list")] == ["ses_d"]
        await until(lambda: bool(answers))


async def test_a_prompt_during_a_deletion_starts_no_worker(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live:
        await live.session()
        worker = await live.supervisor.ensure("session", "ses_a", "/p")
        outcomes: list[ApiError] = []

        async def ask() -> None:
            try:
                await live.ask("session.prompt", {}, sessionID="ses_a")
            except ApiError as error:
                outcomes.append(error)

        worker.kill()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask)
            await live.ask("session.delete", sessionID="ses_a")
        assert live.supervisor.live() == []
        assert [error.status for error in outcomes] in ([404], [500], [503], [])


async def test_a_fork_has_new_ids_and_the_messages_before(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live:
        await live.session("ses_a", title="x (fork #4)", cost=3.0, parent_id=None)
        live.put("message.updated", of_message(a_user("msg_1")))
        live.put("message.part.updated", of_part(a_text("prt_1", "msg_1", "q", end=1)))
        live.put("message.updated", of_message(an_answer("msg_2", completed=3)))
        compaction = CompactionPart(
            id="prt_2", session_id="ses_a", message_id="msg_2", auto=True, tail_start_id="msg_1"
        )
        live.put("message.part.updated", of_part(compaction))
        live.put("message.updated", of_message(a_user("msg_3", created=4)))
        live.put("message.updated", of_message(an_answer("msg_4", created=5)))
        fork = await live.json("session.fork", {"messageID": "msg_3"}, sessionID="ses_a")
        assert (fork["title"], fork["cost"], "parentID" in fork) == ("x (fork #5)", 0, False)
        user, answer = await live.json("session.messages", sessionID=fork["id"])
        assert user["parts"][0]["text"] == "q"
        assert answer["info"]["parentID"] == user["info"]["id"] != "msg_1"
        assert answer["parts"][0]["tail_start_id"] == user["info"]["id"]
        ids = {user["info"]["sessionID"], answer["parts"][0]["sessionID"], answer["info"]["sessionID"]}
        assert ids == {fork["id"]}
        assert [s["id"] for s in await live.json("session.children", sessionID="ses_a")] == [fork["id"]]
        whole = await live.json("session.fork", sessionID="ses_a")
        copied = await live.json("session.messages", sessionID=whole["id"])
        assert [m["info"]["role"] for m in copied] == ["user", "assistant", "user"]  # the open answer is left out
        assert len(await live.json("session.messages", sessionID="ses_a")) == 4


async def test_diff_is_that_of_a_users_message(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live:
        await live.session()
        user = a_user()
        user.summary = UserSummary(diffs=[FileDiff(file="a", additions=1, deletions=0)])
        live.put("message.updated", of_message(user))
        live.put("message.updated", of_message(an_answer(completed=3)))
        await live.journal.settled()
        diff = await live.json("session.diff", sessionID="ses_a", messageID="msg_1")
        assert diff == [{"file": "a", "additions": 1, "deletions": 0}]
        for message in ("msg_2", "msg_9"):
            assert await live.json("session.diff", sessionID="ses_a", messageID=message) == []
        assert await live.json("session.diff", sessionID="ses_a") == []


async def test_an_abort_has_a_receipt(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live, trio.open_nursery() as nursery:
        await live.session()
        assert (await failure(live, "session.abortReceipt", sessionID="ses_a")).status == 404
        await live.begin(nursery)
        assert (await live.ask("session.abort", sessionID="ses_a")).body == b"true"
        receipt = await live.json("session.abortReceipt", sessionID="ses_a")
        assert (receipt["rung"], receipt["survivors"]) == ("broker", 0)


async def test_a_full_store_takes_nothing_new_and_loses_nothing(tmp_path: Path) -> None:
    async with live_daemon(tmp_path, policy=Policy(storage=StoragePolicy(store_mb=1))) as live:
        await live.session("ses_a")
        live.journal.append("x", {"text": "x" * 1_100_000}, Place("/p", "global", "ses_b"))
        await live.journal.settled()
        for op, body in (("session.create", {}), ("session.prompt", {"parts": []})):
            with pytest.raises(ApiError) as failure:
                await live.ask(op, body, sessionID="ses_a")
            assert failure.value.status == 429
            assert failure.value.body["data"]["setting"] == "[storage] store_mb"
        assert (await live.json("session.get", sessionID="ses_a"))["id"] == "ses_a"
        await live.ask("session.delete", sessionID="ses_a")


async def answer_at_once(worker: LinkWorker, call: Call, body: bytes) -> Answer:
    worker.finish.set()
    return await prompt(worker, call, body)


async def grown_by(live: Live, live_on: Callable[[str], Awaitable[None]]) -> dict[str, int]:
    """What 60 sessions that each did that leave in memory."""
    live.spawner.operations["session.prompt"] = answer_at_once
    for number in range(65):
        if number == 5:
            before = count_entries(live.services)
        await live.session(f"ses_{number}")
        await live.ask("session.prompt", {}, sessionID=f"ses_{number}")
        await live_on(f"ses_{number}")
    grown = count_entries(live.services) - before
    return {name: count for name, count in grown.items() if count > 40}


async def test_nothing_is_kept_in_memory_of_sessions_that_are_gone(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live:

        async def delete(session: str) -> None:
            await live.ask("session.delete", sessionID=session)

        assert await grown_by(live, delete) == {}


async def test_what_is_kept_of_sessions_that_rest_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for bound in ("journal._AGGREGATES", "sandboxes._REMEMBERED", "limits._REMEMBERED", "limits._LEDGERS"):
        monkeypatch.setattr(f"oad.daemon.{bound}", 20)
    monkeypatch.setattr("oad.daemon.sessions._CACHED", 20)
    async with live_daemon(tmp_path) as live:

        async def rest(session: str) -> None:
            (worker,) = (each for each in live.supervisor.live() if each.spec.name == session)
            live.supervisor.dismiss(worker)
            await until(lambda: worker not in live.supervisor.live())

        assert await grown_by(live, rest) == {}
