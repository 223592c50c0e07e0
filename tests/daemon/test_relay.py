from typing import Any

from oad.contract.wire import Data, Frame, Grant
from oad.daemon.relay import Relay


class Worker:
    """``room``: whether its queue takes anything."""

    def __init__(self) -> None:
        self.sent: list[tuple[Frame, bytes]] = []
        self.room = True

    def try_send(self, frame: Frame, body: bytes = b"") -> bool:
        self.sent.append((frame, body))
        return self.room


async def unused(frame: Frame, body: bytes) -> None:
    raise AssertionError


def relay(worker: Worker, *, up: bool = True) -> tuple[Relay, list[tuple[Frame, bytes]], list[str]]:
    """With what went up, and a mark for each time that it was given up."""
    sent: list[tuple[Frame, bytes]] = []
    given_up: list[str] = []

    def push(frame: Data | Grant, body: bytes) -> bool:
        sent.append((frame, body))
        return up

    made = Relay(5, push, lambda: given_up.append("given up"))
    any_worker: Any = worker
    made.lead_to(any_worker)
    made.open(9, unused)
    return made, sent, given_up


def test_each_side_has_its_own_number() -> None:
    worker = Worker()
    made, up, _ = relay(worker)
    made.take(Data(9, cursor=3), b"")
    made.down(Data(5), b"typed")
    made.down(Grant(5, 100), b"")
    assert up == [(Data(5, cursor=3), b"")]
    assert worker.sent == [(Data(9), b"typed"), (Grant(9, 100), b"")]


def test_nothing_goes_to_a_worker_before_the_call_and_after_it() -> None:
    worker = Worker()
    early = Relay(5, lambda _frame, _body: True, lambda: None)
    early.down(Data(5), b"early")
    made, _, _ = relay(worker)
    made.close()
    made.down(Data(5), b"late")
    assert worker.sent == []


def test_who_can_not_be_sent_to_loses_the_stream() -> None:
    worker = Worker()
    made, _, given_up = relay(worker, up=False)
    made.take(Data(9), b"x")
    worker.room = False
    made.down(Data(5), b"x")
    assert len(given_up) == 2
