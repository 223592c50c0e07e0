from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from oad.workers.providers.sse import SseDecoder

STREAM = 'event: x\ndata: {"a":1}\n\n: comment\n\ndata:two ✓\r\n\r\nid: 7\ndata: l1\ndata: l2\n\n'.encode()
EVENTS = [b'{"a":1}', "two ✓".encode(), b"l1\nl2"]


@given(st.lists(st.integers(0, len(STREAM)), max_size=20))
def test_any_fragmentation_gives_the_same_events(cuts: list[int]) -> None:
    places = [0, *sorted(cuts), len(STREAM)]
    decoder = SseDecoder()
    events = [event for start, end in pairwise(places) for event in decoder.feed(STREAM[start:end])]
    assert events + decoder.end() == EVENTS


def test_an_event_without_its_blank_line_is_given_at_the_end() -> None:
    decoder = SseDecoder()
    assert decoder.feed(b"data: [DONE]") == []
    assert decoder.end() == [b"[DONE]"]
    assert decoder.end() == []


def test_other_fields_and_empty_events_are_dropped() -> None:
    assert SseDecoder().feed(b"event: ping\n\nretry: 5\n\n\n\n") == []
