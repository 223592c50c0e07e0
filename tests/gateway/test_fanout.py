from hypothesis import given
from hypothesis import strategies as st

from oad.contract.replay import ReplayPage
from oad.gateway.fanout import MAX_BYTES, Fanout, Selection, Subscriber
from oad.gateway.happening import DISPOSED, STREAMS_END, Happening, incomplete

ALL = Selection(None)
ONE = Selection("/p")


def durable(seq: int, body: bytes = b"{}", directory: str = "/p") -> Happening:
    return Happening(body, type="todo.updated", seq=seq, directory=directory)


def volatile(body: bytes = b"{}") -> Happening:
    return Happening(body, type="message.part.delta", directory="/p")


def subscribe(fanout: Fanout, selection: Selection = ONE, max_frames: int = 4) -> Subscriber:
    subscriber = Subscriber(selection, lambda: None, max_frames)
    fanout.add(subscriber)
    return subscriber


def drain(subscriber: Subscriber) -> list[bytes]:
    frames: list[bytes] = []
    while subscriber:
        frames += subscriber.take().split(b"\n\n")[:-1]
        subscriber.wrote()
    return frames


def test_frames_are_shared_between_streams() -> None:
    event = durable(1)
    assert event.plain() is event.plain()
    assert event.wrapped() is event.wrapped()


def test_volatile_frames_of_a_lagging_reader_go_first() -> None:
    fanout = Fanout()
    reader = subscribe(fanout)
    for event in (durable(1), volatile(), volatile(), durable(2), volatile()):
        fanout.publish(event)
    assert not reader.lagging
    assert drain(reader) == [b"id: 1\ndata: {}", b"id: 2\ndata: {}"]


def test_reader_that_cannot_take_the_durable_ones_is_cut() -> None:
    fanout = Fanout()
    reader, other = subscribe(fanout), subscribe(fanout, max_frames=100)
    for seq in range(1, 7):
        fanout.publish(durable(seq))
    assert reader.lagging
    assert len(drain(other)) == 6


def test_bytes_are_limited_too() -> None:
    fanout = Fanout()
    reader = subscribe(fanout)
    fanout.publish(durable(1, b"x" * (MAX_BYTES + 1)))
    assert not reader.lagging  # a single one is written, however large
    fanout.publish(durable(2))
    assert reader.lagging


def test_who_was_crowded_gets_volatile_events_again_once_everything_is_taken() -> None:
    fanout = Fanout()
    reader = subscribe(fanout)
    for event in (durable(1), durable(2), durable(3), volatile(), volatile(), volatile()):
        fanout.publish(event)
    assert drain(reader) == [b"id: 1\ndata: {}", b"id: 2\ndata: {}", b"id: 3\ndata: {}"]
    fanout.publish(volatile())
    assert len(drain(reader)) == 1


def test_what_a_stream_cannot_be_told_concerns_every_stream() -> None:
    fanout = Fanout()
    narrow = subscribe(fanout, selection=Selection("/p", frozenset({"session.idle"})))
    wide = subscribe(fanout, selection=Selection(None))
    fanout.publish(incomplete(ReplayPage([], 9, complete=False, first=5)))
    assert b'"first":5' in drain(narrow)[0]
    assert drain(wide)[0].startswith(b'data: {"payload":{')


@given(st.lists(st.booleans(), max_size=60), st.integers(1, 8), st.lists(st.integers(0, 10), max_size=20))
def test_nothing_durable_is_skipped_silently(kinds: list[bool], limit: int, reads: list[int]) -> None:
    fanout = Fanout()
    reader = subscribe(fanout, max_frames=limit)
    seen: list[bytes] = []
    wanted: list[bytes] = []
    for number, is_durable in enumerate(kinds, 1):
        fanout.publish(durable(number) if is_durable else volatile())
        if is_durable:
            wanted.append(b"id: %d\ndata: {}" % number)
        if number in reads:
            seen += drain(reader)
    seen += drain(reader)
    numbered = [frame for frame in seen if frame.startswith(b"id")]
    assert numbered == wanted[: len(numbered)]
    assert reader.lagging or numbered == wanted


def test_what_was_published_before_is_not_repeated() -> None:
    fanout = Fanout()
    reader = subscribe(fanout)
    for seq in (1, 2, 2, 1, 3):
        fanout.publish(durable(seq))
    assert len(drain(reader)) == 3
    assert fanout.position == 5


def test_written_means_nothing_queued_or_under_way() -> None:
    fanout = Fanout()
    reader = subscribe(fanout)
    fanout.publish(durable(1))
    fanout.publish(durable(2, directory="/other"))
    assert not reader.has_written(1)
    reader.take()
    assert not reader.has_written(2)
    fanout.publish(durable(3))
    reader.wrote()
    assert reader.has_written(2)
    assert not reader.has_written(3)


def test_stream_of_a_directory_ends_with_its_instance() -> None:
    fanout = Fanout()
    reader, others = subscribe(fanout), [subscribe(fanout, ALL), subscribe(fanout, Selection("/q"))]
    fanout.publish(Happening(b"{}", type=DISPOSED, directory="/p"))
    fanout.publish(Happening(b"{}", type=STREAMS_END, directory="/p"))
    fanout.publish(durable(1))
    assert reader.ending
    assert len(drain(reader)) == 1
    assert not any(STREAMS_END.encode() in b"".join(map(bytes, drain(other))) for other in others)
    assert not any(other.ending for other in others)


def test_a_number_that_was_dropped_on_the_way_still_counts() -> None:
    fanout = Fanout()
    fanout.publish(durable(1), position=5)
    assert fanout.position == 5


def test_a_directory_that_is_only_loaded_anew_ends_no_stream() -> None:
    fanout = Fanout()
    reader = subscribe(fanout)
    fanout.publish(Happening(b"{}", type=DISPOSED, directory="/p"))
    fanout.publish(durable(1))
    assert not reader.ending
    assert len(drain(reader)) == 2


def test_the_end_of_all_instances_ends_the_stream_of_a_directory() -> None:
    subscriber = Subscriber(Selection("/p"), lambda: None)
    subscriber.offer(Happening(b"{}", type="global.disposed", directory="global"), 1)
    assert not subscriber.ending
    subscriber.offer(Happening(b"{}", type=STREAMS_END), 2)
    assert subscriber.ending
    assert b'"server.instance.disposed"' in subscriber.take()


def test_the_global_stream_goes_on_after_it() -> None:
    subscriber = Subscriber(Selection(None), lambda: None)
    subscriber.offer(Happening(b"{}", type="global.disposed", directory="global"), 1)
    assert not subscriber.ending
    assert subscriber
