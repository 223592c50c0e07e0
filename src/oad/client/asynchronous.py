"""The client for trio."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from types import TracebackType
from typing import Any, Self, TypeVar, cast

import httpx2
import trio

from oad.contract.message import MessageWithParts
from oad.contract.permission import Answer
from oad.contract.prompt import FileInput
from oad.contract.session import Session, SessionCreate, SessionStatus

from . import operation
from .connection import Settings, answer_of, request_of, stream_of
from .event import Event
from .failure import broken, refused
from .inputs import Answers, MessageList, PermissionList, QuestionList, SessionList, list_query, make_prompt
from .login import Login
from .operation import Operation
from .resume import Position

T = TypeVar("T")


class AsyncClient:
    """A server at ``url``. ``directory`` is where its sessions work; without it, the server's own directory."""

    def __init__(self, url: str, login: Login | None = None, *, directory: str | None = None) -> None:
        self._settings = Settings(url.rstrip("/"), login or Login(), directory)
        self._http = httpx2.AsyncClient(base_url=self._settings.url, headers=self._settings.headers(), trust_env=False)
        self.sessions = Sessions(self)
        self.permissions = Permissions(self)
        self.questions = Questions(self)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        await self._http.aclose()

    async def send(self, wanted: Operation[T]) -> T:
        """Raises Failure."""
        try:
            response = await self._http.request(**request_of(wanted, self._settings))
        except httpx2.TransportError as error:
            raise broken(error, self._settings.url) from error
        return answer_of(wanted, response)

    async def events(self, *, everywhere: bool = False, after: str = "", resume: bool = True) -> AsyncGenerator[Event]:
        """Events as they happen, of the directory or of all; first "server.connected". After a break the stream is
        taken up where it broke off. Ends when the server ends it; raises Failure when it refuses, or without ``resume``
        on a break. Who leaves earlier must close it (contextlib.aclosing)."""
        position = Position(after)
        while True:
            try:
                async with aclosing(self._stream("/global/event" if everywhere else "/event", position)) as events:
                    async for event in events:
                        yield event
            except httpx2.TransportError as error:
                if not resume:
                    raise broken(error, self._settings.url) from error
            else:
                return
            await trio.sleep(position.delay_s())

    async def _stream(self, path: str, position: Position) -> AsyncGenerator[Event]:
        async with self._http.stream(**stream_of(path, position.headers(), self._settings)) as response:
            if not response.is_success:
                await response.aread()
                raise refused(response)
            source = aiter(httpx2.EventSource(response, max_event_size=None))
            # Declared as an iterator, but it is a generator, which has to be closed in this task.
            async with aclosing(cast(AsyncGenerator[httpx2.ServerSentEvent], source)) as frames:
                async for frame in frames:
                    if event := position.take(frame):
                        yield event


class Sessions:
    """Every method raises Failure."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client

    async def create(self, wanted: SessionCreate | None = None, *, title: str | None = None) -> Session:
        return await self._client.send(operation.create_session(wanted or SessionCreate(title=title)))

    async def list(self, *, search: str | None = None, roots: bool = False, limit: int | None = None) -> SessionList:
        return await self._client.send(operation.list_sessions(list_query(search=search, roots=roots, limit=limit)))

    async def get(self, session: str) -> Session:
        return await self._client.send(operation.get_session(session))

    async def delete(self, session: str) -> bool:
        return await self._client.send(operation.delete_session(session))

    async def statuses(self) -> dict[str, SessionStatus]:
        """Of the sessions that are not idle."""
        return await self._client.send(operation.list_statuses())

    async def prompt(
        self,
        session: str,
        text: str,
        *,
        files: Sequence[FileInput] = (),
        agent: str | None = None,
        model: str | None = None,
        variant: str | None = None,
        system: str | None = None,
    ) -> MessageWithParts:
        """Returns the answer when the turn is over. An error of the turn is in it, and raises nothing."""
        wanted = make_prompt(text, files=files, agent=agent, model=model, variant=variant, system=system)
        return await self._client.send(operation.prompt(session, wanted))

    async def prompt_later(
        self, session: str, text: str, *, agent: str | None = None, model: str | None = None
    ) -> None:
        """Returns when the prompt is accepted."""
        await self._client.send(operation.prompt_later(session, make_prompt(text, agent=agent, model=model)))

    async def abort(self, session: str) -> bool:
        """Returns when nothing of the turn exists any more."""
        return await self._client.send(operation.abort(session))

    async def abort_receipt(self, session: str) -> dict[str, Any]:
        """What the last abort did."""
        return await self._client.send(operation.abort_receipt(session))

    async def messages(self, session: str, *, limit: int | None = None) -> MessageList:
        return await self._client.send(
            operation.list_messages(session, list_query(search=None, roots=False, limit=limit))
        )


class Permissions:
    """Every method raises Failure."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client

    async def list(self) -> PermissionList:
        return await self._client.send(operation.list_permissions())

    async def reply(self, request: str, reply: Answer, message: str | None = None) -> bool:
        return await self._client.send(operation.reply_permission(request, reply, message))


class Questions:
    """Every method raises Failure."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client

    async def list(self) -> QuestionList:
        return await self._client.send(operation.list_questions())

    async def reply(self, request: str, answers: Answers) -> bool:
        """One list of chosen labels for each question."""
        return await self._client.send(operation.reply_question(request, answers))

    async def reject(self, request: str) -> bool:
        return await self._client.send(operation.reject_question(request))
