import msgspec
import pytest

from oad.contract import wire
from oad.contract.wire import (
    Ack,
    Call,
    Cancel,
    Event,
    Frame,
    Hello,
    Origin,
    ProtocolError,
    Push,
    Reply,
    Welcome,
    decode_frame,
    encode_frame,
)

FRAMES: list[Frame] = [
    Hello(1, "gateway", "g1", 7, "ipc:///x"),
    Welcome(1, "epoch", 12),
    Call(1, "session.list", {"directory": "/p"}, 3.5, "key"),
    Cancel(1),
    Reply(1, 200, {"x-next-cursor": "c"}, 9),
    Event("session.idle", "ses_1", durable=False),
    Push(1, 2, "session.idle", "/p", "global", "ses_1", 3, "evt_1"),
    Ack(4),
]


def message(head: bytes, body: bytes = b"") -> bytes:
    return len(head).to_bytes(4, "big") + head + body


@pytest.mark.parametrize("frame", FRAMES, ids=lambda frame: type(frame).__name__)
def test_frames_survive_the_wire(frame: Frame) -> None:
    assert decode_frame(encode_frame(frame, b"body")) == (frame, b"body")


@pytest.mark.parametrize(
    "parts",
    [
        [],
        [b""],
        [b"x"],
        [bytes(4)],
        [message(b"\xff")],
        [message(b"\x91\xa3nop")],
        [message(msgspec.msgpack.encode(["ack", 4]))[:-1]],
        [b"\xff\xff\xff\xff" + msgspec.msgpack.encode(["ack", 4])],
        encode_frame(Ack(4)) * 2,
    ],
)
def test_what_is_no_frame_is_refused(parts: list[bytes]) -> None:
    with pytest.raises(ProtocolError):
        decode_frame(parts)


def test_a_body_beyond_what_is_permitted_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "MAX_BODY_BYTES", 4)
    assert decode_frame(encode_frame(Ack(4), b"1234")) == (Ack(4), b"1234")
    with pytest.raises(ProtocolError):
        decode_frame(encode_frame(Ack(4), b"12345"))


def test_a_call_names_its_origin_and_older_calls_name_none() -> None:
    call = Call(1, "session.get", {"who": "forged"}, origin=Origin("alice (basic)", "192.0.2.1", "GET"))
    assert decode_frame(encode_frame(call)) == (call, b"")
    old = [message(msgspec.msgpack.encode(["call", 1, "session.get", {}, 0.0, ""]))]
    assert decode_frame(old)[0] == Call(1, "session.get", {})
