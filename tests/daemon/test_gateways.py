import itertools
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio
import trio.testing
import zmq

from oad.contract.wire import Ack, Drain, Flush, ProtocolError, Push, decode_frame, encode_frame
from oad.daemon import gateways as module
from oad.daemon.gateways import WINDOW, GatewayLink, Gateways
from oad.daemon.journal import Published
from oad.link import TrioSocket, bind_private


def event(seq: int, type: str = "x") -> Published:
    return Published(seq, seq, f"evt_{seq}", type, "/p", "global", "ses_a", b"{}")


class FakeSocket:
    """Takes what it is sent, unless it is full."""

    def __init__(self) -> None:
        self.sent: list[Push] = []
        self.flushes: list[int] = []
        self.full = False
        self.closed = False

    def try_send_many(self, messages: list[list[bytes]]) -> int:
        return sum(1 for _ in itertools.takewhile(self._send, messages))

    def _send(self, message: list[bytes]) -> bool:
        if self.full:
            return False
        frame, _ = decode_frame(message)
        if isinstance(frame, Flush):
            self.flushes.append(frame.number)
            return True
        assert isinstance(frame, Push)
        self.sent.append(frame)
        return True

    def close(self) -> None:
        self.closed = True

    def numbers(self) -> list[int]:
        return [push.number for push in self.sent]


def publish(to: GatewayLink | Gateways, event: Published) -> None:
    to.publish(event)
    to.flush()


@pytest.fixture
def socket() -> FakeSocket:
    return FakeSocket()


@pytest.fixture
def link(socket: FakeSocket) -> GatewayLink:
    return GatewayLink("gateway-0", socket, now=0.0)  # type: ignore[arg-type]


def test_no_more_than_the_window_is_in_flight(link: GatewayLink, socket: FakeSocket) -> None:
    for seq in range(1, WINDOW + 11):
        publish(link, event(seq))
    assert socket.numbers() == list(range(1, WINDOW + 1))
    link.on_ack(4, 1.0)
    assert socket.numbers()[-1] == WINDOW + 4
    link.on_ack(WINDOW + 4, 1.0)
    assert socket.numbers() == list(range(1, WINDOW + 11))
    assert link.number == WINDOW + 10


def test_an_acknowledgement_of_what_was_never_sent_gives_no_credit(link: GatewayLink, socket: FakeSocket) -> None:
    publish(link, event(1))
    link.on_ack(10**9, 1.0)
    assert link.acked == 1
    link.on_ack(0, 1.0)
    assert link.acked == 1
    for seq in range(2, WINDOW + 10):
        publish(link, event(seq))
    assert len(socket.sent) == WINDOW + 1


def test_what_is_published_in_a_row_is_sent_at_once(link: GatewayLink, socket: FakeSocket) -> None:
    for seq in range(1, 4):
        link.publish(event(seq))
    assert socket.numbers() == []
    link.flush()
    assert socket.numbers() == [1, 2, 3]


def test_a_full_socket_loses_nothing(link: GatewayLink, socket: FakeSocket) -> None:
    socket.full = True
    publish(link, event(1))
    socket.full = False
    publish(link, event(2))
    assert socket.numbers() == [1, 2]


def test_who_lags_loses_volatile_events_first_and_then_the_link(
    link: GatewayLink, socket: FakeSocket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_QUEUED", 10)
    for seq in range(1, WINDOW + 1):
        publish(link, event(seq))
    for seq in range(20):
        publish(link, event(seq % 2 and 5000 + seq))  # every other one is volatile
    assert link.relieve(1.0)
    link.on_ack(WINDOW, 1.0)
    late = socket.sent[WINDOW:]
    assert [push.seq for push in late] == [5000 + seq for seq in range(1, 20, 2)]
    assert [push.number for push in late] == sorted(push.number for push in late)
    for seq in range(WINDOW + 20):
        publish(link, event(6000 + seq))
    assert not link.relieve(2.0)


def test_who_is_silent_while_it_has_something_to_acknowledge_is_gone(link: GatewayLink) -> None:
    assert link.relieve(1000.0)
    publish(link, event(1))
    assert link.relieve(1029.0)
    assert not link.relieve(1031.0)
    link.on_ack(1, 1031.0)
    assert link.relieve(1032.0)


# --- over real sockets ----------------------------------------------------------------------------------------------


class Receiver:
    def __init__(self, context: "zmq.Context[zmq.Socket[bytes]]", path: Path) -> None:
        raw = context.socket(zmq.DEALER)
        raw.linger = 0
        self.endpoint = bind_private(raw, path)
        self.socket = TrioSocket(raw)

    async def take(self, count: int) -> list[Push]:
        pushes: list[Push] = []
        while len(pushes) < count:
            frame, _ = decode_frame(await self.socket.recv_multipart())
            assert isinstance(frame, Push)
            pushes.append(frame)
        return pushes


@asynccontextmanager
async def receiving(path: Path, count: int = 1) -> AsyncGenerator[tuple[Gateways, list[Receiver]]]:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    gateways = Gateways(context)
    receivers = [Receiver(context, path / f"{number}.sock") for number in range(count)]
    try:
        with trio.fail_after(10):
            async with trio.open_nursery() as nursery:
                for receiver in receivers:
                    nursery.start_soon(receiver.socket.pump)
                yield gateways, receivers
                nursery.cancel_scope.cancel()
    finally:
        for identity in list(gateways._links):
            gateways.drop(identity)
        for receiver in receivers:
            receiver.socket.close()
        context.term()


async def test_each_gateway_gets_every_event(tmp_path: Path) -> None:
    async with receiving(tmp_path, 2) as (gateways, (one, two)):
        gateways.add(b"1", "gateway-1", one.endpoint)
        publish(gateways, event(1))
        gateways.add(b"2", "gateway-2", two.endpoint)
        publish(gateways, event(2))
        assert [(push.seq, push.number) for push in await one.take(2)] == [(1, 1), (2, 2)]
        assert [(push.seq, push.number) for push in await two.take(1)] == [(2, 1)]
        assert (gateways.last_number(b"1"), gateways.last_number(b"2"), gateways.last_number(b"3")) == (2, 1, 0)


async def test_a_gateway_that_comes_again_replaces_its_link(tmp_path: Path) -> None:
    async with receiving(tmp_path, 2) as (gateways, (one, two)):
        first = gateways.add(b"1", "gateway-1", one.endpoint)
        gateways.add(b"other identity", "gateway-1", two.endpoint)
        assert gateways.count() == 1
        publish(gateways, event(1))
        await two.take(1)
        gateways.remove(first)  # its follower ends late
        assert gateways.count() == 1


async def test_acknowledgements_are_taken_until_the_link_is_dropped(tmp_path: Path) -> None:
    async with receiving(tmp_path) as (gateways, (one,)), trio.open_nursery() as nursery:
        link = gateways.add(b"1", "gateway-1", one.endpoint)
        nursery.start_soon(link.run)
        publish(gateways, event(1))
        await one.take(1)
        await one.socket.send_multipart(encode_frame(Ack(1)))
        while not link.acked:
            await trio.testing.wait_all_tasks_blocked(0.001)
        gateways.drop(b"1")
        publish(gateways, event(2))
        assert gateways.count() == 0


async def test_another_frame_than_an_acknowledgement_breaks_the_protocol(tmp_path: Path) -> None:
    async with receiving(tmp_path) as (gateways, (one,)):
        link = gateways.add(b"1", "gateway-1", one.endpoint)
        await one.socket.send_multipart(encode_frame(Drain(1)))
        with pytest.RaisesGroup(ProtocolError):
            await link.run()


async def test_no_endpoint_is_no_link(tmp_path: Path) -> None:
    async with receiving(tmp_path) as (gateways, _):
        with pytest.raises(zmq.ZMQError):
            gateways.add(b"1", "gateway-1", "nonsense")
        assert gateways.count() == 0


async def test_the_watch_drops_the_hopeless(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SILENT_S", 0.1)
    async with receiving(tmp_path) as (gateways, (one,)), trio.open_nursery() as nursery:
        gateways.add(b"1", "gateway-1", one.endpoint)
        nursery.start_soon(gateways.watch)
        publish(gateways, event(1))
        while gateways.count():
            await trio.testing.wait_all_tasks_blocked(0.01)
        nursery.cancel_scope.cancel()


async def test_flushed_is_waited_for_and_asked_for_once(
    link: GatewayLink, socket: FakeSocket, autojump_clock: trio.testing.MockClock
) -> None:
    publish(link, event(1))
    publish(link, event(2))
    done: list[float] = []

    async def wait() -> None:
        await link.flushed()
        done.append(trio.current_time())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait)
        nursery.start_soon(wait)
        await trio.testing.wait_all_tasks_blocked()
        link.on_flushed(1)
        await trio.testing.wait_all_tasks_blocked()
        assert done == []
        link.on_flushed(2)
    assert socket.flushes == [2]
    assert len(done) == 2
    await link.flushed()
    assert socket.flushes == [2]


async def test_nobody_waits_for_a_gateway_that_is_gone(
    link: GatewayLink, autojump_clock: trio.testing.MockClock
) -> None:
    publish(link, event(1))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(link.flushed)
        await trio.testing.wait_all_tasks_blocked()
        link.close()


async def test_the_answering_gateway_is_not_asked_and_a_silent_one_not_awaited_for_long(
    autojump_clock: trio.testing.MockClock,
) -> None:
    gateways = Gateways(None)  # type: ignore[arg-type]
    sockets = {name: FakeSocket() for name in (b"a", b"b")}
    for name, socket in sockets.items():
        gateways._links[name] = GatewayLink(name.decode(), socket, now=0.0)  # type: ignore[arg-type]
    publish(gateways, event(1))
    start = trio.current_time()
    await gateways.flushed(besides=b"a")
    assert trio.current_time() - start == pytest.approx(module._FLUSH_S)
    assert (sockets[b"a"].flushes, sockets[b"b"].flushes) == ([], [1])
