"""Sessions go out as files and come in again."""

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest
from bundles.files import REFERENCE, SUBAGENT, reference, session_files
from hypothesis import HealthCheck, given, settings
from live import Live, live_daemon, until
from records import a_text, a_user, an_answer, of_message, of_part

from oad.contract.errors import ApiError
from oad.contract.policy import LimitPolicy
from oad.contract.redact import KNOWN

TOP = str(reference()["info"]["id"])
_ID = r"(?:ses|msg|prt)_[A-Za-z0-9_-]+"
CHILD = str(json.loads(SUBAGENT)["info"]["id"])


async def export(live: Live, session: str, **params: str) -> Any:
    return await live.json("session.export", sessionID=session, **params)


async def take_in(live: Live, body: bytes, **params: str) -> list[dict[str, Any]]:
    return list((await live.json("session.import", body, **params))["sessions"])


def without_places(document: Any) -> Any:
    """What of a file has to be the same on another host, under ids of their order of appearance in each session."""
    seen: dict[str, str] = {}
    info = {k: v for k, v in document["info"].items() if k not in ("directory", "projectID", "path")}
    children = [without_places(child) for child in document.get("children", [])]
    plain = json.dumps({**document, "info": info, "children": sorted(children, key=json.dumps)})
    anonymous = re.sub(_ID, lambda found: seen.setdefault(found[0], f"ID{len(seen)}"), plain)
    return json.loads(anonymous)


async def test_the_references_export_comes_in_and_goes_out_unchanged(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live:
        told = await take_in(live, b"[" + REFERENCE + b"," + SUBAGENT + b"]")
        assert told == [
            {"id": TOP, "source": TOP, "outcome": "created", "messages": 18},
            {"id": CHILD, "source": CHILD, "outcome": "created", "messages": 2},
        ]
        again = await export(live, TOP)
        assert again["messages"] == reference()["messages"]
        place = {"directory": "/p", "projectID": "global", "path": ""}
        assert again["info"] == {**reference()["info"], **place}
        assert live.sessions.find(CHILD).parent_id == TOP
        assert live.types() == ["project.updated", *["session.created"] * 2], "clients need not hear of each message"
        assert live.sessions.total == live.store.session_count() == 2


@given(session_files())
@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
def test_what_goes_out_comes_in_the_same_under_other_ids(tmp_path_factory: pytest.TempPathFactory, file: Any) -> None:
    import trio

    async def check() -> None:
        async with live_daemon(tmp_path_factory.mktemp("live")) as live:
            first = await take_in(live, json.dumps(file).encode())
            once = await export(live, first[0]["id"], children="true")
            assert without_places(once) == without_places(file)
            second = await take_in(live, json.dumps(once).encode())
            assert not {each["id"] for each in first} & {each["id"] for each in second}
            twice = await export(live, second[0]["id"], children="true")
            assert without_places(twice) == without_places(once)

    trio.run(check)


async def test_one_that_is_here_gets_new_ids_or_is_replaced_or_stays(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live:
        both = json.dumps({**reference(), "children": [json.loads(SUBAGENT)]}).encode()
        await take_in(live, both)
        copies = await take_in(live, both)
        assert [each["outcome"] for each in copies] == ["created"] * 2
        top, child = (str(each["id"]) for each in copies)
        assert live.sessions.find(child).parent_id == top
        assert child in json.dumps(await export(live, top)), "its call speaks of the copy"
        assert CHILD not in json.dumps(await export(live, top))
        changed = reference()
        changed["info"]["title"] = "Changed"
        del changed["messages"][2:]
        present = await take_in(live, json.dumps(changed).encode(), existing="keep")
        assert present == [{"id": TOP, "source": TOP, "outcome": "present", "messages": 0}]
        assert len((await export(live, TOP))["messages"]) == 18
        replaced = await take_in(live, json.dumps(changed).encode(), existing="replace")
        assert replaced == [{"id": TOP, "source": TOP, "outcome": "replaced", "messages": 2}]
        after = await export(live, TOP)
        assert (after["info"]["title"], len(after["messages"])) == ("Changed", 2)
        assert live.sessions.total == live.store.session_count() == 4


async def test_all_or_nothing(tmp_path: Path) -> None:
    broken = reference()
    broken["messages"][17]["info"]["cost"] = "much"
    async with live_daemon(tmp_path) as live:
        with pytest.raises(ApiError) as caught:
            await take_in(live, b"[" + SUBAGENT + b"," + json.dumps(broken).encode() + b"]")
        assert caught.value.status == 400
        assert caught.value.body["data"]["message"].endswith('at [1]["messages"][17]["info"]["cost"]')
        assert (live.sessions.total, live.store.session_count(), live.types()) == (0, 0, [])


async def test_no_more_sessions_come_in_than_may_be(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live:
        live.keeper.limits.policy = LimitPolicy(sessions=1)
        with pytest.raises(ApiError) as caught:
            await take_in(live, b"[" + REFERENCE + b"," + SUBAGENT + b"]")
        assert caught.value.status == 429
        assert live.store.session_count() == 0


async def test_a_turn_that_was_under_way_is_not_under_way_here(tmp_path: Path) -> None:
    async with live_daemon(tmp_path / "there") as live:
        await live.session("ses_a")
        live.put("message.updated", of_message(a_user()))
        live.put("message.updated", of_message(an_answer()))
        live.put("message.part.updated", of_part(a_text(text="half", end=None)))
        file = json.dumps(await export(live, "ses_a")).encode()
    async with live_daemon(tmp_path / "here") as live:
        await take_in(live, file)
        await live.journal.settled()
        assert live.open_things() == []
        listed = await live.json("session.messages", sessionID="ses_a")
        assert listed[1]["info"]["error"]["name"] == "MessageAbortedError"
        assert listed[1]["parts"][0]["text"] == "half"


async def test_a_running_session_is_stopped_before_it_is_replaced(tmp_path: Path) -> None:
    import trio

    async with live_daemon(tmp_path) as live, trio.open_nursery() as nursery:
        await live.session(TOP)
        worker, answers = await live.begin(nursery, TOP)
        await take_in(live, REFERENCE, existing="replace")
        await until(lambda: bool(answers))
        assert worker not in [child.child for child in live.supervisor.live()]
        assert (await export(live, TOP))["messages"] == reference()["messages"]


async def test_no_known_secret_goes_out(tmp_path: Path) -> None:
    secret = 'sk-"export"-1234567'
    async with live_daemon(tmp_path) as live:
        document = reference()
        document["info"]["title"] = f"About {secret}"
        document["messages"][0]["parts"][0]["text"] = f"my key is {secret}\n"
        await take_in(live, json.dumps(document).encode())
        KNOWN.learn([secret])
        plain = await live.ask("session.export", sessionID=TOP)
        page = await live.ask("session.export", sessionID=TOP, format="markdown")
        for body in (plain.body, page.body):
            assert b"1234567" not in body
            assert b"my key is [redacted]" in body
        assert page.headers["content-type"].startswith("text/markdown")


async def test_what_is_not_here_is_not_exported(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live:
        with pytest.raises(ApiError) as caught:
            await export(live, "ses_none")
        assert caught.value.status == 404


async def test_ten_thousand_messages_pass_in_seconds(tmp_path: Path) -> None:
    template = json.dumps(reference()["messages"][3])
    session, message = TOP, reference()["messages"][3]["info"]["id"]
    messages = []
    for n in range(10_000):
        text = template.replace(message, f"msg_{n:08}").replace("prt_", f"prt_{n:08}")
        messages.append(text)
    body = f'{{"info":{json.dumps(reference()["info"])},"messages":[{",".join(messages)}]}}'.encode()
    async with live_daemon(tmp_path, limit_s=90) as live:
        began = time.perf_counter()
        await take_in(live, body)
        taken = time.perf_counter()
        await live.ask("session.export", sessionID=session)
        print(f"{len(body) >> 20} MiB in {taken - began:.1f} s, out {time.perf_counter() - taken:.1f} s")
        assert len(live.store.messages(session)) == 10_000
        assert max(len(event.properties) for event in live.store.events_after(0, 10)) < 1000, "not kept a second time"
