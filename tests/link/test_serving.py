import logging

import msgspec
import pytest
import trio
import trio.testing

from oad.contract.errors import not_found
from oad.contract.wire import Call, Reply
from oad.link import Answer, Serving


class Peer:
    def __init__(self) -> None:
        self.replies: list[tuple[Reply, bytes]] = []

    async def send(self, reply: Reply, body: bytes) -> None:
        await trio.lowlevel.checkpoint()
        self.replies.append((reply, body))


async def handle(call: Call, body: bytes) -> Answer:
    match call.op:
        case "echo":
            return Answer(body, 201, {"x": call.params["x"]})
        case "missing":
            raise not_found("no such thing")
        case "hang":
            await trio.sleep_forever()
        case _:
            raise RuntimeError("secret detail")
    return Answer()


async def serve(*calls: Call) -> list[tuple[Reply, bytes]]:
    peer = Peer()
    async with trio.open_nursery() as nursery:
        serving = Serving(nursery, peer.send, handle)
        for call in calls:
            serving.accept(call, b"body")
    return peer.replies


async def test_answer_travels_whole() -> None:
    assert await serve(Call(7, "echo", {"x": "y"})) == [(Reply(7, 201, {"x": "y"}), b"body")]


async def test_known_failure_keeps_its_body() -> None:
    ((reply, body),) = await serve(Call(1, "missing", {}))
    assert reply.status == 404
    assert msgspec.json.decode(body) == {"name": "NotFoundError", "data": {"message": "no such thing"}}


async def test_unknown_failure_shows_a_reference_only(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        ((reply, body),) = await serve(Call(1, "broken", {}))
    assert reply.status == 500
    assert b"secret" not in body
    assert msgspec.json.decode(body)["data"]["ref"] in caplog.text


async def test_deadline_is_a_504(autojump_clock: trio.testing.MockClock) -> None:
    ((reply, _),) = await serve(Call(1, "hang", {}, deadline_s=3))
    assert reply.status == 504


async def test_cancel_ends_the_handler_without_a_reply() -> None:
    peer = Peer()
    with trio.fail_after(2):
        async with trio.open_nursery() as nursery:
            serving = Serving(nursery, peer.send, handle)
            serving.accept(Call(4, "hang", {}), b"")
            await trio.testing.wait_all_tasks_blocked()
            serving.cancel(4)
            serving.cancel(99)
    assert peer.replies == []
