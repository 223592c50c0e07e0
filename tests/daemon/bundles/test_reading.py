"""Files are taken as they are, or refused with the place of what is wrong."""

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from oad.contract.errors import ApiError
from oad.daemon.bundles.reading import read_sessions

from .files import REFERENCE, SUBAGENT, reference


def refused(body: bytes) -> str:
    with pytest.raises(ApiError) as caught:
        read_sessions(body)
    assert caught.value.status == 400
    return str(caught.value.body["data"]["message"])


def test_nothing_of_the_references_own_export_is_lost() -> None:
    for body in (REFERENCE, SUBAGENT):
        known = json.loads(body)
        (read,) = read_sessions(body)
        assert json.loads(msgspec.json.encode(read.info)) == known["info"]
        assert json.loads(msgspec.json.encode(read.messages)) == known["messages"]


def test_several_and_nested_ones_come_parents_first() -> None:
    child = json.loads(SUBAGENT)
    both = read_sessions(b"[" + REFERENCE + b"," + SUBAGENT + b"]")
    nested = read_sessions(json.dumps({**reference(), "children": [child]}).encode())
    assert [each.info.id for each in both] == [each.info.id for each in nested] == [
        reference()["info"]["id"], child["info"]["id"]
    ]  # fmt: skip
    assert [each.at for each in nested] == [(), ("children", 0)]


CHANGES: dict[str, tuple[Callable[[Any], Any], str]] = {
    "a wrong type": (
        lambda d: d["messages"][3]["parts"][1].update(text=5),
        'Expected str, got int\n  at ["messages"][3]["parts"][1]["text"]',
    ),
    "a missing key": (
        lambda d: d["messages"][3]["info"].pop("parentID"),
        'Missing key\n  at ["messages"][3]["info"]["parentID"]',
    ),
    "an unknown part": (
        lambda d: d["messages"][0]["parts"][0].update(type="x"),
        'Invalid value \'x\'\n  at ["messages"][0]["parts"][0]["type"]',
    ),
    "a path for an id": (
        lambda d: d["messages"][0]["info"].update(id="../x"),
        (
            'Expected an id that begins with "msg" and has letters, digits, dashes and underscores only, got "../x"\n'
            '  at ["messages"][0]["info"]["id"]'
        ),
    ),
    "a part of another message": (
        lambda d: d["messages"][0]["parts"][0].update(messageID="msg_x"),
        (
            f'Expected "{reference()["messages"][0]["info"]["id"]}", got "msg_x"\n'
            '  at ["messages"][0]["parts"][0]["messageID"]'
        ),
    ),
    "an id twice": (
        lambda d: d["messages"].append(d["messages"][0]),
        f'{reference()["messages"][0]["info"]["id"]} stands in it twice\n  at ["messages"][18]["info"]["id"]',
    ),
    "a time out of range": (
        lambda d: d["info"]["time"].update(created=2**70),
        f'Expected milliseconds since 1970, got {2**70}\n  at ["info"]["time"]["created"]',
    ),
    "a session above itself": (
        lambda d: d["info"].update(parentID=d["info"]["id"]),
        f'Session {reference()["info"]["id"]} is above itself\n  at ["info"]["parentID"]',
    ),
    "a todo that is none": (lambda d: d.update(todos=[1]), 'Expected object, got int\n  at ["todos"][0]'),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_is_wrong_is_named_with_its_place(name: str) -> None:
    change, said = CHANGES[name]
    document = reference()
    change(document)
    assert refused(json.dumps(document).encode()) == said
    nth = refused(b"[" + SUBAGENT + b"," + json.dumps(document).encode() + b"]")
    assert nth == said.replace("\n  at ", "\n  at [1]")


def test_what_is_no_file_with_sessions_is_refused() -> None:
    assert refused(b"[]") == "There is no session in it"
    assert refused(b'"x"') == "Expected object, got str"
    assert refused(b"{}") == 'Missing key\n  at ["info"]'
    assert refused(b"{").startswith("It is not valid JSON")
    assert refused(b"[" * 100_000) == refused(b'{"info":' + b'{"a":' * 100_000) == "It is nested too deeply"


def test_a_circle_of_parents_is_refused() -> None:
    one, other = reference(), json.loads(SUBAGENT)
    one["info"]["parentID"] = other["info"]["id"]
    assert "is above itself" in refused(json.dumps([one, other]).encode())
