"""The HTTP side that all vendors' SDKs share: TLS, connection pools, and reading a streamed answer."""

import errno
import os
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from functools import lru_cache
from importlib import import_module
from typing import Protocol, cast

import httpx2
import trio

from oad.contract.trail import trace_headers

from .failure import connect_failure, reset_failure, silence_failure, status_failure
from .model import Emit, Endpoint, ModelFailure, ProviderEvent
from .sse import SseDecoder

CONNECT_S = 20.0
DRAIN_S = 0.05  # how long the end of a finished body is waited for, so that its connection can be used again
CLOSE_S = 1.0
POOL = httpx2.Limits(max_connections=20, max_keepalive_connections=4, keepalive_expiry=60.0)
# What the libraries import at the first call.
_LATE_IMPORTS = ("anyio._backends._trio", "httpcore2._backends.trio", "encodings.idna")

# trio puts the address into an error's own text, where the system's has none.
_REASONS = {number: os.strerror(number) for number in errno.errorcode}

Send = Callable[[], Awaitable[httpx2.Response]]


class EventReader(Protocol):
    """A protocol's pure side: the data of server-sent events in, neutral events out. Raises ModelFailure."""

    def read(self, data: bytes) -> Iterable[ProviderEvent]: ...

    def end(self) -> Iterable[ProviderEvent]:
        """The last events, StepFinish among them. Raises ModelFailure when the answer is not complete."""
        ...

    @property
    def finished(self) -> bool:
        """Whether nothing of interest can follow."""
        ...


@lru_cache(maxsize=1)
def tls_context() -> ssl.SSLContext:
    """Takes about 60 ms of CPU: made once, in the process that all workers are forked from."""
    return httpx2.create_ssl_context()


def prepare() -> None:
    """Does ahead of a fork what the first call would pay for: no thread, no socket, no event loop."""
    for module in _LATE_IMPORTS:
        import_module(module)
    tls_context()


def timeouts(endpoint: Endpoint) -> httpx2.Timeout:
    return httpx2.Timeout(endpoint.timeout_s, connect=min(CONNECT_S, endpoint.timeout_s), pool=None)


def http_client(endpoint: Endpoint) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(
        verify=tls_context(),
        limits=POOL,
        timeout=timeouts(endpoint),
        follow_redirects=True,
        trust_env=True,
        event_hooks={"request": [_hand_on_trace]},
    )


async def _hand_on_trace(request: httpx2.Request) -> None:
    request.headers.update(trace_headers())


async def exchange(endpoint: Endpoint, send: Send, reader: EventReader, emit: Emit) -> None:
    """Sends a request and relays its answer. On any exit, cancellation included, the connection is closed or idle."""
    if endpoint.problem:
        raise ModelFailure("auth", endpoint.problem)
    with trio.move_on_after(_deadline_s(endpoint)) as whole:
        try:
            async with _opened(send) as chunks:
                await _relay(chunks, reader, emit)
        except httpx2.HTTPError as error:
            raise transport_failure(error, endpoint) from error
    if whole.cancelled_caught:
        raise silence_failure(_deadline_s(endpoint), url=endpoint.base_url)


def _deadline_s(endpoint: Endpoint) -> float:
    """The ``timeout`` option, milliseconds for the whole call; without it only silence ends a call."""
    limit = endpoint.options.get("timeout")
    return limit / 1000 if isinstance(limit, int | float) and limit is not True and limit > 0 else float("inf")


@asynccontextmanager
async def _opened(send: Send) -> AsyncGenerator[AsyncIterator[bytes], None]:
    """The chunks of an answer's body."""
    response = await send()
    chunks = response.aiter_bytes()
    try:
        yield chunks
    finally:
        # A cancelled turn must not leave the provider generating: closing is shielded, but never waits for the peer.
        with trio.move_on_after(CLOSE_S) as closing:
            closing.shield = True
            await response.aclose()
            # httpx2 nests generators and closes only the outermost; on a closed connection each runs to its end.
            with suppress(httpx2.HTTPError, httpx2.StreamError):
                async for _ in chunks:
                    pass


async def _relay(chunks: AsyncIterator[bytes], reader: EventReader, emit: Emit) -> None:
    decoder = SseDecoder()
    async for chunk in chunks:
        await _emit_all(reader, decoder.feed(chunk), emit)
        if reader.finished:
            with trio.move_on_after(DRAIN_S):
                async for _ in chunks:
                    pass
            break
    await _emit_all(reader, decoder.end(), emit)
    for event in reader.end():
        await emit(event)


async def _emit_all(reader: EventReader, data: list[bytes], emit: Emit) -> None:
    for payload in data:
        for event in reader.read(payload):
            await emit(event)


def refused(answer: httpx2.Response) -> ModelFailure:
    """An answer of 400 and more whose body has been read."""
    return status_failure(answer.status_code, answer.text, headers=answer.headers, url=str(answer.request.url))


def transport_failure(error: BaseException | None, endpoint: Endpoint) -> ModelFailure:
    """What the HTTP library raised, below any SDK's wrapping."""
    url = endpoint.base_url
    if isinstance(error, httpx2.ConnectTimeout):
        return connect_failure(f"no answer within {min(CONNECT_S, endpoint.timeout_s):g} s", url=url)
    if isinstance(error, httpx2.ConnectError | httpx2.UnsupportedProtocol | httpx2.InvalidURL | httpx2.ProxyError):
        return connect_failure(_root_cause(error), url=url)
    if isinstance(error, httpx2.TimeoutException):
        return silence_failure(endpoint.timeout_s, url=url)
    return reset_failure(url=url)


def _root_cause(error: BaseException) -> str:
    """The innermost message: the outer ones only say that all attempts failed."""
    inner = error.__cause__ or error.__context__
    while inner is not None:
        error = inner
        inner = _first(error) or error.__cause__ or error.__context__
    if isinstance(error, OSError) and error.errno in _REASONS and not isinstance(error, ssl.SSLError):
        return _REASONS[error.errno]
    return str(getattr(error, "strerror", None) or error) or type(error).__name__


def _first(error: BaseException) -> BaseException | None:
    return cast("BaseExceptionGroup[BaseException]", error).exceptions[0] if _is_group(error) else None


def _is_group(error: BaseException) -> bool:
    return isinstance(error, BaseExceptionGroup)
