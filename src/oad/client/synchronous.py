"""The client for ordinary, blocking code."""

import threading
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx2

from oad.contract.activity import Activity
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


class Client:
    """A server at ``url``. ``directory`` is where its sessions work; without it, the server's own directory."""

    def __init__(self, url: str, login: Login | None = None, *, directory: str | None = None) -> None:
        self._settings = Settings(url.rstrip("/"), login or Login(), directory)
        self._http = httpx2.Client(base_url=self._settings.url, headers=self._settings.headers(), trust_env=False)
        self._pause = threading.Event()
        self.sessions = Sessions(self)
        self.permissions = Permissions(self)
        self.questions = Questions(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._pause.set()
        self._http.close()

    def send(self, wanted: Operation[T]) -> T:
        """Raises Failure."""
        try:
            response = self._http.request(**request_of(wanted, self._settings))
        except httpx2.TransportError as error:
            raise broken(error, self._settings.url) from error
        return answer_of(wanted, response)

    def activity(self) -> Activity:
        """Live sessions and all processes of the service; of oad's servers only. Raises Failure."""
        return self.send(operation.show_activity())

    def events(self, *, everywhere: bool = False, after: str = "", resume: bool = True) -> Iterator[Event]:
        """Events as they happen, of the directory or of all; first "server.connected". After a break the stream is
        taken up where it broke off. Ends when the server ends it; raises Failure when it refuses, or without
        ``resume`` on a break."""
        position = Position(after)
        while True:
            try:
                yield from self._stream("/global/event" if everywhere else "/event", position)
            except httpx2.TransportError as error:
                if not resume:
                    raise broken(error, self._settings.url) from error
            else:
                return
            self._pause.wait(position.delay_s())

    def _stream(self, path: str, position: Position) -> Iterator[Event]:
        with self._http.stream(**stream_of(path, position.headers(), self._settings)) as response:
            if not response.is_success:
                response.read()
                raise refused(response)
            for frame in httpx2.EventSource(response, max_event_size=None):
                if event := position.take(frame):
                    yield event


class Sessions:
    """Every method raises Failure."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def create(self, wanted: SessionCreate | None = None, *, title: str | None = None) -> Session:
        return self._client.send(operation.create_session(wanted or SessionCreate(title=title)))

    def list(self, *, search: str | None = None, roots: bool = False, limit: int | None = None) -> SessionList:
        return self._client.send(operation.list_sessions(list_query(search=search, roots=roots, limit=limit)))

    def get(self, session: str) -> Session:
        return self._client.send(operation.get_session(session))

    def delete(self, session: str) -> bool:
        return self._client.send(operation.delete_session(session))

    def statuses(self) -> dict[str, SessionStatus]:
        """Of the sessions that are not idle."""
        return self._client.send(operation.list_statuses())

    def prompt(
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
        return self._client.send(operation.prompt(session, wanted))

    def prompt_later(self, session: str, text: str, *, agent: str | None = None, model: str | None = None) -> None:
        """Returns when the prompt is accepted."""
        self._client.send(operation.prompt_later(session, make_prompt(text, agent=agent, model=model)))

    def abort(self, session: str) -> bool:
        """Returns when nothing of the turn exists any more."""
        return self._client.send(operation.abort(session))

    def abort_receipt(self, session: str) -> dict[str, Any]:
        """What the last abort did."""
        return self._client.send(operation.abort_receipt(session))

    def messages(self, session: str, *, limit: int | None = None) -> MessageList:
        return self._client.send(operation.list_messages(session, list_query(search=None, roots=False, limit=limit)))


class Permissions:
    """Every method raises Failure."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def list(self) -> PermissionList:
        return self._client.send(operation.list_permissions())

    def reply(self, request: str, reply: Answer, message: str | None = None) -> bool:
        return self._client.send(operation.reply_permission(request, reply, message))


class Questions:
    """Every method raises Failure."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def list(self) -> QuestionList:
        return self._client.send(operation.list_questions())

    def reply(self, request: str, answers: Answers) -> bool:
        """One list of chosen labels for each question."""
        return self._client.send(operation.reply_question(request, answers))

    def reject(self, request: str) -> bool:
        return self._client.send(operation.reject_question(request))
