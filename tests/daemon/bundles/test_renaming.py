"""New ids stand wherever the old ones stood, and sort as those did."""

import msgspec

from oad.daemon.bundles.reading import read_sessions
from oad.daemon.bundles.renaming import name_anew, rename, rename_mentions

from .files import REFERENCE, SUBAGENT, reference


def test_every_id_is_new_and_in_order() -> None:
    (each,) = read_sessions(REFERENCE)
    names = name_anew(each, {each.info.id: "ses_new"})
    rename(each, names)
    encoded = rename_mentions(msgspec.json.encode(each.messages), {k.encode(): v.encode() for k, v in names.items()})
    assert not [old for old in names if old.encode() in encoded]
    ids = [message.info.id for message in each.messages]
    assert ids == sorted(ids)
    assert all([p.id for p in m.parts] == sorted(p.id for p in m.parts) for m in each.messages)
    assert {m.info.session_id for m in each.messages} == {"ses_new"}
    known = {message["info"]["id"] for message in reference()["messages"]}
    assert not known & set(ids)
    parents = {message.info.parent_id for message in each.messages if message.info.__struct_config__.tag != "user"}
    assert parents <= set(ids)


def test_a_message_keeps_its_time_in_its_id() -> None:
    (each,) = read_sessions(REFERENCE)
    names = name_anew(each, {each.info.id: "ses_new"})
    assert all(names[m.info.id][:12] == m.info.id[:12] for m in each.messages)


def test_a_subagents_session_is_renamed_where_its_call_speaks_of_it() -> None:
    whole, child = read_sessions(b"[" + REFERENCE + b"," + SUBAGENT + b"]")
    old = child.info.id.encode()
    encoded = rename_mentions(msgspec.json.encode(whole.messages), {old: b"ses_other"})
    assert old in msgspec.json.encode(whole.messages)
    assert old not in encoded
    assert b'<task id=\\"ses_other\\"' in encoded


def test_ids_that_are_only_alike_stay() -> None:
    text = b'"ses_1 ses_12 msg_ses_1\\nses_1"'
    assert rename_mentions(text, {b"ses_1": b"ses_2"}) == b'"ses_2 ses_12 msg_ses_1\\nses_2"'
