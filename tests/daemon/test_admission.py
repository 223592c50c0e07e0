from typing import Any

import msgspec
import pytest
from records import a_session, a_text, a_user, of_message, of_part, of_session

from oad.contract.wire import Event, ProtocolError
from oad.daemon.admission import check_event


def check(type: str, properties: Any, *, kind: str = "session", name: str = "ses_a", session: str = "ses_a") -> None:
    body = properties if isinstance(properties, bytes) else msgspec.json.encode(properties)
    check_event(kind, name, Event(type, session, True), body)


@pytest.mark.parametrize(
    ("type", "properties"),
    [
        ("message.updated", of_message(a_user())),
        ("message.part.updated", of_part(a_text())),
        ("message.removed", {"sessionID": "ses_a", "messageID": "msg_1"}),
        ("todo.updated", {"sessionID": "ses_a", "todos": [{"content": "a", "status": "b", "priority": "c"}]}),
        ("session.status", {"sessionID": "ses_a", "status": {"type": "busy"}}),
        ("file.edited", {"file": "/p/x"}),
        ("session.patched", {"sessionID": "ses_a", "patch": {}}),
    ],
)
def test_what_a_session_may_say_of_itself(type: str, properties: Any) -> None:
    check(type, properties)


@pytest.mark.parametrize(
    ("type", "properties"),
    [
        ("session.deleted", of_session(a_session())),
        ("session.updated", of_session(a_session())),
        ("permission.asked", {}),
        ("project.updated", {}),
        ("oad.session.aborted", {}),
        ("server.instance.disposed", {}),
        ("message.updated", {"sessionID": "ses_a"}),
        ("message.updated", of_message(a_user(session="ses_b"))),
        ("message.updated", of_message(a_user(created=2**60))),
        ("message.part.updated", of_part(a_text(session="ses_b"))),
        ("message.part.updated", {"part": {"type": "unheard of", "id": "prt_1"}}),
        ("message.removed", {"sessionID": "ses_a"}),
        ("session.idle", {"sessionID": "ses_b"}),
        ("session.idle", b"{"),
        ("session.idle", b'{"x":"\xff"}'),
        ("session.idle", b"[]"),
    ],
)
def test_what_no_session_may_say(type: str, properties: Any) -> None:
    with pytest.raises(ProtocolError):
        check(type, properties)


def test_nobody_speaks_for_another() -> None:
    with pytest.raises(ProtocolError):
        check("session.idle", {}, session="ses_b")


def test_a_directory_speaks_of_files_only() -> None:
    check("file.watcher.updated", {}, kind="project", name="/p", session="")
    for type, session in (("session.idle", ""), ("file.edited", "ses_a"), ("message.updated", "")):
        with pytest.raises(ProtocolError):
            check(type, {}, kind="project", name="/p", session=session)
