"""Events of sessions from the journal, and those that arrive."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from books import open_books
from records import a_session, a_text, a_user, of_message, of_part

from oad.contract.errors import ApiError
from oad.contract.sync import ReplayedSyncEvent
from oad.daemon.sync_events import check_arrived, find_owners, read_history


def event(type: str, data: Any, about: str = "ses_a") -> ReplayedSyncEvent:
    raw = msgspec.Raw(msgspec.json.encode(data))
    return ReplayedSyncEvent(id="evt_1", aggregate_id=about, seq=1, type=type, data=raw)


async def test_history_has_what_is_not_known_of_each_session(tmp_path: Path) -> None:
    async with open_books(tmp_path) as books:
        for id in ("ses_a", "ses_b"):
            books.sessions.save(a_session(id), created=True)
            books.put("message.updated", of_message(a_user("msg_1", id)), id)
            books.put("session.status", {"sessionID": id, "status": {"type": "idle"}}, id)
        await books.journal.settled()
        found = json.loads(read_history(books.store, {}))
        assert [(e["aggregate_id"], e["type"]) for e in found] == [
            ("ses_a", "session.created.1"),
            ("ses_a", "message.updated.1"),
            ("ses_b", "session.created.1"),
            ("ses_b", "message.updated.1"),
        ]
        known = {"ses_a": found[0]["seq"], "ses_b": 1000}
        assert json.loads(read_history(books.store, known)) == [found[1]]
        assert found[1]["data"]["info"]["id"] == "msg_1"
        ids = {found[0]["id"], found[3]["id"], "evt_unknown"}
        assert find_owners(books.store, ids) == {found[0]["id"]: "ses_a", found[3]["id"]: "ses_b"}


def test_what_arrives_is_read_as_what_it_is() -> None:
    session = {"sessionID": "ses_a", "info": a_session("ses_a")}
    about, arrived = check_arrived(
        [
            event("session.created.1", session),
            event("message.updated.1", of_message(a_user("msg_1", "ses_a"))),
            event("message.part.updated.1", of_part(a_text("prt_1", session="ses_a"))),
            event("message.part.removed.1", {"sessionID": "ses_a", "messageID": "msg_1", "partID": "prt_1"}),
        ]
    )
    assert about == "ses_a"
    assert [each.type for each in arrived] == [
        "session.created",
        "message.updated",
        "message.part.updated",
        "message.part.removed",
    ]
    assert arrived[0].session == a_session("ses_a")


@pytest.mark.parametrize(
    "wrong",
    [
        event("session.deleted.1", {"sessionID": "ses_a", "info": a_session("ses_a")}),
        event("oad.session.sandbox.1", {}),
        event("permission.asked.1", {}),
        event("session.created", {"sessionID": "ses_a", "info": a_session("ses_a")}),
        event("session.created.1", {"sessionID": "ses_a", "info": a_session("ses_b")}),
        event("session.created.1", {"sessionID": "ses_a", "info": {"id": "ses_a"}}),
        event("message.updated.1", of_message(a_user("msg_1", "ses_b"))),
        event("message.part.updated.1", {"sessionID": "ses_a", "part": {"type": "nonsense"}, "time": 1}),
        event("session.created.1", {"sessionID": "ses_b", "info": a_session("ses_b")}, "ses_b"),
    ],
)
def test_what_it_is_not_is_refused(wrong: ReplayedSyncEvent) -> None:
    first = event("session.created.1", {"sessionID": "ses_a", "info": a_session("ses_a")})
    with pytest.raises(ApiError) as refused:
        check_arrived([first, wrong])
    assert refused.value.status == 400
    assert '["events"][1]' in refused.value.body["data"]["message"]
