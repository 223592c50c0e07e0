"""What all protocols share on the wire, tried with each of them against a server that misbehaves."""

from collections.abc import AsyncIterator

import httpx2
import pytest
import trio

from oad.contract.trail import Trail, enter
from oad.workers.providers import transport
from oad.workers.providers.model import (
    ChatMessage,
    Endpoint,
    ModelClient,
    ModelFailure,
    ModelRequest,
    ProviderEvent,
    StepFinish,
    TextContent,
    TextDelta,
    ToolInputDelta,
)
from oad.workers.providers.registry import Registry
from oad.workers.providers.transport import transport_failure

from .fake_server import Exchange, FakeServer, dying, refusal, stuck, whole
from .samples import ANSWERS, LS, NPM, texts

PROTOCOLS = sorted(ANSWERS)
SPOKEN = {"ReasoningDelta": "Hm, ls.", "TextDelta": "I løøk ✓", "ToolInputDelta": '{"command":"ls"}'}
PROMPT_S = 0.5  # far below any time-out that could also close a connection


class Caller:
    """One client of one protocol, and what it has been told."""

    def __init__(self, protocol: str, url: str, **options: object) -> None:
        self.answer = ANSWERS[protocol]
        settings = {"npm": NPM[protocol], "options": {"baseURL": url, "apiKey": "k", **options}, "models": {"m": {}}}
        self.registry = Registry.from_config({"provider": {"fake": settings}}, {})
        self.model, self.endpoint = self.registry.find("fake", "m")
        self.client: ModelClient = self.registry.client_for(self.endpoint)
        self.events: list[ProviderEvent] = []
        self.told = trio.Event()

    async def emit(self, event: ProviderEvent) -> None:
        self.events.append(event)
        self.told.set()

    async def call(self) -> list[ProviderEvent]:
        self.events = []
        messages = [ChatMessage("user", [TextContent("Hello")])]
        request = ModelRequest(self.model, self.endpoint, ["Be brief."], messages, tools=[LS], session_id="ses_1")
        await self.client.stream(request, self.emit)
        return self.events

    async def fail(self) -> ModelFailure:
        with pytest.raises(ModelFailure) as caught:
            await self.call()
        return caught.value


@pytest.fixture(params=PROTOCOLS)
def protocol(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def caller(protocol: str, server: FakeServer) -> AsyncIterator[Caller]:
    made = Caller(protocol, server.url)
    yield made
    await made.registry.aclose()


async def test_a_whole_answer(caller: Caller, server: FakeServer) -> None:
    server.plays = [whole(caller.answer)]
    events = await caller.call()
    assert texts(events) == SPOKEN
    assert isinstance(events[-1], StepFinish)
    sent = server.requests[0]
    assert sent.body["stream"] is True and sent.body["model"] == "m"
    assert "k" in (sent.headers.get("authorization", "").removeprefix("Bearer "), sent.headers.get("x-api-key"))


async def test_the_trace_of_a_turn_is_handed_on(caller: Caller, server: FakeServer) -> None:
    server.plays = [whole(caller.answer)]
    await caller.call()
    parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    enter(Trail("req_1", parent))
    await caller.call()
    assert [sent.headers.get("traceparent") for sent in server.requests] == [None, parent]


@pytest.mark.parametrize("size", [1, 7, 100])
async def test_fragments(caller: Caller, server: FakeServer, size: int) -> None:
    server.plays = [whole(caller.answer, size)]
    assert texts(await caller.call()) == SPOKEN


async def test_connections_are_used_again(caller: Caller, server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "DRAIN_S", 5.0)  # a busy machine is not what this is about
    server.plays = [whole(caller.answer)]
    for _ in range(3):
        await caller.call()
    assert (len(server.requests), server.connections) == (3, 1)


async def test_a_server_that_stays_after_its_last_event_is_not_waited_for(caller: Caller, server: FakeServer) -> None:
    server.plays = [stuck(caller.answer)]
    with trio.fail_after(PROMPT_S):
        assert texts(await caller.call()) == SPOKEN
        await server.closed.wait()


async def test_events_come_while_the_answer_is_under_way(caller: Caller, server: FakeServer) -> None:
    heard = trio.Event()

    async def play(exchange: Exchange) -> None:
        await exchange.head()
        middle = caller.answer.index("løøk".encode())
        start = caller.answer.rindex(b"data:", 0, middle)
        await exchange.chunk(caller.answer[:start])
        await heard.wait()
        await exchange.chunk(caller.answer[start:])
        await exchange.finish()

    async def listen() -> None:
        while not any(isinstance(event, TextDelta) for event in caller.events):
            await caller.told.wait()
            caller.told = trio.Event()
        heard.set()

    server.plays = [play]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(listen)
        await caller.call()
    assert texts(caller.events) == SPOKEN


async def test_no_retries_of_the_sdk_and_the_failure_whole(caller: Caller, server: FakeServer) -> None:
    body = {"error": {"message": "rate limited", "type": "scripted"}}
    server.plays = [refusal(429, body, {"retry-after-ms": "20"})]
    failure = await caller.fail()
    assert (failure.kind, failure.message, failure.status, failure.retryable) == ("api", "rate limited", 429, True)
    assert failure.retry_after_s == 0.02
    assert failure.headers is not None and failure.headers["retry-after-ms"] == "20"
    assert failure.url is not None and failure.url.startswith(server.url + "/")
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 422, 500, 503, 529])
async def test_statuses(caller: Caller, server: FakeServer, status: int) -> None:
    server.plays = [refusal(status, {"error": {"message": f"scripted {status}"}})]
    failure = await caller.fail()
    assert failure.status == status
    assert failure.kind == ("overflow" if status == 413 else "api")
    assert failure.retryable == (status >= 500)
    assert failure.message == ("Provider is overloaded" if status == 529 else f"scripted {status}")


@pytest.mark.parametrize("hard", [True, False])
async def test_a_stream_that_dies(caller: Caller, server: FakeServer, hard: bool) -> None:
    server.plays = [dying(caller.answer[: len(caller.answer) // 2], hard=hard)]
    failure = await caller.fail()
    assert (failure.kind, failure.message, failure.retryable) == ("connect", "Connection reset by server", True)


async def test_a_connection_that_ends_before_the_status(caller: Caller, server: FakeServer) -> None:
    server.plays = [Exchange.reset]
    failure = await caller.fail()
    assert (failure.message, failure.retryable) == ("Connection reset by server", True)


async def test_an_error_whose_body_is_cut(caller: Caller, server: FakeServer) -> None:
    async def play(exchange: Exchange) -> None:
        await exchange.head(500, length=100)
        await exchange.stream.send_all(b"{")
        await exchange.stream.aclose()

    server.plays = [play]
    assert (await caller.fail()).retryable


async def test_a_refused_connection(protocol: str) -> None:
    caller = Caller(protocol, "http://127.0.0.1:1/v1")
    failure = await caller.fail()
    assert failure.message == "Cannot connect to API: Connection refused"
    assert (failure.kind, failure.retryable, failure.url) == ("connect", True, "http://127.0.0.1:1/v1")
    await caller.registry.aclose()


async def test_silence_has_a_limit(protocol: str, server: FakeServer) -> None:
    caller = Caller(protocol, server.url, chunkTimeout=50)
    server.plays = [stuck(caller.answer[:200])]
    failure = await caller.fail()
    assert (failure.message, failure.retryable) == ("The provider sent nothing for 0.05 s", True)
    await server.closed.wait()
    await caller.registry.aclose()


async def test_the_whole_call_can_have_a_limit(protocol: str, server: FakeServer) -> None:
    caller = Caller(protocol, server.url, timeout=50)
    server.plays = [stuck()]
    assert (await caller.fail()).retryable
    await server.closed.wait()
    await caller.registry.aclose()


async def test_cancelled_before_the_status_the_connection_closes(caller: Caller, server: FakeServer) -> None:
    server.plays = [stuck()]
    with trio.fail_after(PROMPT_S):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(caller.call)
            await server.asked.wait()
            nursery.cancel_scope.cancel()
        await server.closed.wait()


async def test_cancelled_in_the_stream_the_connection_closes(caller: Caller, server: FakeServer) -> None:
    server.plays = [stuck(caller.answer[: len(caller.answer) // 2])]
    with trio.fail_after(PROMPT_S):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(caller.call)
            await caller.told.wait()
            nursery.cancel_scope.cancel()
        await server.closed.wait()


async def test_cancelled_while_the_turn_takes_an_event(caller: Caller, server: FakeServer) -> None:
    taking = trio.Event()

    async def slow(event: ProviderEvent) -> None:
        if isinstance(event, ToolInputDelta):
            taking.set()
            await trio.sleep_forever()

    caller.emit = slow  # type: ignore[method-assign]
    server.plays = [stuck(caller.answer)]
    with trio.fail_after(PROMPT_S):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(caller.call)
            await taking.wait()
            nursery.cancel_scope.cancel()
        await server.closed.wait()


async def test_cancelled_while_connecting(protocol: str, nursery: trio.Nursery) -> None:
    """A full backlog never completes the handshake."""
    listener = trio.socket.socket()
    await listener.bind(("127.0.0.1", 0))
    listener.listen(0)
    port = listener.getsockname()[1]
    fillers = [trio.socket.socket() for _ in range(3)]
    for filler in fillers:
        nursery.start_soon(filler.connect, ("127.0.0.1", port))
    caller = Caller(protocol, f"http://127.0.0.1:{port}/v1")
    with trio.fail_after(PROMPT_S):
        with trio.move_on_after(0.05) as scope:
            await caller.call()
    assert scope.cancelled_caught
    nursery.cancel_scope.cancel()
    for one in [listener, *fillers]:
        one.close()


async def test_what_the_turn_raises_goes_through_and_closes(caller: Caller, server: FakeServer) -> None:
    async def refuse(event: ProviderEvent) -> None:
        raise LookupError("not now")

    caller.emit = refuse  # type: ignore[method-assign]
    server.plays = [stuck(caller.answer)]
    with trio.fail_after(PROMPT_S):
        with pytest.raises(LookupError):
            await caller.call()
        await server.closed.wait()


async def test_a_missing_key_needs_no_call() -> None:
    registry = Registry.from_config({"provider": {"anthropic": {}}}, {})
    model, endpoint = registry.find("anthropic", "claude-sonnet-5")
    request = ModelRequest(model, endpoint, [], [])

    async def emit(event: ProviderEvent) -> None:
        raise AssertionError(event)

    with pytest.raises(ModelFailure, match="ANTHROPIC_API_KEY") as caught:
        await registry.client_for(endpoint).stream(request, emit)
    assert caught.value.kind == "auth"
    await registry.aclose()


def test_what_the_http_library_raises_otherwise() -> None:
    endpoint = Endpoint(protocol="openai-chat", base_url="ftp://x", timeout_s=5)
    assert transport_failure(httpx2.ConnectTimeout("slow"), endpoint).message.endswith("no answer within 5 s")
    assert transport_failure(httpx2.UnsupportedProtocol("no ftp"), endpoint).message == "Cannot connect to API: no ftp"
    assert transport_failure(None, endpoint).message == "Connection reset by server"
