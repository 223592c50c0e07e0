import pytest
import trio

from oad.client import Client, Event, Failure

from .conftest import Scripted
from .test_asynchronous import BEAT, STATUS


async def test_a_stream_that_breaks_off_is_taken_up_again(server: Scripted) -> None:
    server.add_stream(b"retry: 1\nid: 7\n" + STATUS + BEAT, ends=False)
    server.add_stream(b"id: 8\n" + STATUS, ends=True)

    def read() -> list[Event]:
        with Client(server.url) as client:
            return list(client.events())

    events = await trio.to_thread.run_sync(read)
    assert [event.number for event in events] == ["7", "", "8"]
    assert b"last-event-id: 7" in server.requests[1].lower()


async def test_a_prompt_names_model_and_agent(server: Scripted) -> None:
    server.add(400, b'{"name":"BadRequest","data":{"message":"no"}}')

    def prompt() -> None:
        with Client(server.url) as client:
            client.sessions.prompt("ses_1", "hi", agent="plan", model="a/b/c")

    with pytest.raises(Failure, match="400: no"):
        await trio.to_thread.run_sync(prompt)
    assert b'"model":{"providerID":"a","modelID":"b/c"},"agent":"plan"' in server.requests[0]


def test_no_server_is_a_failure() -> None:
    with Client("http://127.0.0.1:1") as client, pytest.raises(Failure) as caught:
        client.sessions.list()
    assert caught.value.unreachable


def test_a_model_needs_a_provider() -> None:
    with Client("http://127.0.0.1:1") as client, pytest.raises(ValueError, match="not provider/model"):
        client.sessions.prompt("ses_1", "hi", model="x")
