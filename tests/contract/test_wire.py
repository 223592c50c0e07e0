import pytest

from oad.contract.wire import (
    Ack,
    Call,
    Cancel,
    Event,
    Frame,
    Hello,
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


@pytest.mark.parametrize("frame", FRAMES, ids=lambda frame: type(frame).__name__)
def test_frames_survive_the_wire(frame: Frame) -> None:
    assert decode_frame(encode_frame(frame, b"body")) == (frame, b"body")


@pytest.mark.parametrize("parts", [[], [b"x"], [b"\xff", b""], [b"\x91\xa3nop", b""], [b"", b"", b""]])
def test_what_is_no_frame_is_refused(parts: list[bytes]) -> None:
    with pytest.raises(ProtocolError):
        decode_frame(parts)
