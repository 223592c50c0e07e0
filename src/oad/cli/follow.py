"""The events of one turn, sorted out of the stream and given to a printer."""

from contextlib import aclosing
from typing import Final

import trio

from oad.client import AsyncClient, Event
from oad.client.event import MessageUpdated, PartDelta, PartUpdated, SessionFailed, SessionRecord, StatusChanged
from oad.contract.message import AssistantMessage
from oad.contract.permission import PermissionRequest
from oad.contract.session import StatusIdle

from .permission_answers import PermissionAnswers
from .turn_printer import TurnPrinter

_SETTLE_S: Final = 2.0


class Follower:
    """Of the session's events and its children's: children may ask for permissions, but do not speak."""

    def __init__(self, session: str, printer: TurnPrinter, answers: PermissionAnswers) -> None:
        self._session = session
        self._family = {session}
        self._printer = printer
        self._answers = answers
        self._idle = trio.Event()

    async def run(self, client: AsyncClient, *, task_status: trio.TaskStatus[None]) -> None:
        """Reports that it has started when the stream is open. Raises Failure."""
        async with trio.open_nursery() as nursery, aclosing(client.events()) as events:
            async for event in events:
                if event.type == "server.connected":
                    task_status.started()
                    task_status = trio.TASK_STATUS_IGNORED
                elif event.type == "permission.asked":
                    self._ask(event.read(PermissionRequest), nursery)
                else:
                    self._take(event)

    def _ask(self, request: PermissionRequest, nursery: trio.Nursery) -> None:
        if request.session_id in self._family:
            nursery.start_soon(self._answers.answer, request)

    async def settle(self) -> None:
        """All events are on the stream before the answer to the prompt: waits until they have been read."""
        with trio.move_on_after(_SETTLE_S):
            await self._idle.wait()

    def _take(self, event: Event) -> None:
        if event.type == "message.part.updated":
            self._take_part(event.read(PartUpdated))
        elif event.type == "message.part.delta":
            delta = event.read(PartDelta)
            if delta.session_id == self._session and delta.field == "text":
                self._printer.delta(delta.message_id, delta.part_id, delta.delta)
        elif event.type == "message.updated":
            self._take_message(event.read(MessageUpdated))
        elif event.type == "session.created":
            created = event.read(SessionRecord).info
            if created.parent_id in self._family:
                self._family.add(created.id)
        else:
            self._take_state(event)

    def _take_part(self, updated: PartUpdated) -> None:
        if updated.session_id == self._session:
            self._printer.part(updated.decoded(), updated.part)

    def _take_message(self, updated: MessageUpdated) -> None:
        if updated.session_id == self._session and isinstance(updated.info, AssistantMessage):
            self._idle = trio.Event()  # whatever was idle before belongs to an earlier turn
            self._printer.message(updated.info)

    def _take_state(self, event: Event) -> None:
        if event.type == "session.error":
            failed = event.read(SessionFailed)
            if failed.session_id == self._session and failed.error is not None:
                self._printer.failed(failed.error)
        elif event.type == "session.status":
            changed = event.read(StatusChanged)
            if changed.session_id == self._session and isinstance(changed.status, StatusIdle):
                self._idle.set()
