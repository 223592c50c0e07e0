import pytest

from oad.workers.lsp.framing import BadFrame, Framer, frame


@pytest.mark.parametrize("step", [1, 3, 7, 1000])
def test_messages_in_any_pieces(step: int) -> None:
    stream = frame(b'{"a":1}') + b"content-length: 2\r\nContent-Type: x\r\n\r\n{}" + frame(b"")
    framer = Framer()
    found = [each for at in range(0, len(stream), step) for each in framer.feed(stream[at : at + step])]
    assert found == [b'{"a":1}', b"{}", b""]


@pytest.mark.parametrize(
    "data",
    [b"x" * 5000, b"Length: 3\r\n\r\n{}", b"Content-Length: -1\r\n\r\n", b"Content-Length: 999999999999999999\r\n\r\n"],
)
def test_what_is_no_message(data: bytes) -> None:
    with pytest.raises(BadFrame):
        list(Framer().feed(data))
