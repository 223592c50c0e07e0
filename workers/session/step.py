"""One step of a turn: one model call with its retries, and the tool calls it asks for."""

import msgspec
import structlog
import trio

from oad.contract.ids import new_id, now_ms
from oad.contract.message import AssistantMessage, StepFinishPart, StepStartPart
from oad.contract.session import StatusRetry

from ..providers.model import (
    ModelClient,
    ModelFailure,
    ModelRequest,
    ProviderEvent,
    ReasoningDelta,
    StepFinish,
    TextDelta,
    ToolInputDelta,
)
from ..snapshots.keeper import StepKeeper
from .failure import TurnFailed, describe
from .patching import put_patch
from .reducer import Call, Delta, Effect, Finish, Reducer, Write, merge_deltas
from .retry import Retry
from .toolcalls import Calls
from .turn import Turn

_log = structlog.get_logger("oad.session")
_REASON = 500  # characters of a provider's message in the log
_WAITING_EVENTS = 256  # provider events that may wait for the link before the model's stream is held back


class Overflowed(Exception):
    """The provider refused the conversation for its size."""

    def __init__(self, failure: ModelFailure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class Step:
    """``info`` is the message that is being written, already published."""

    def __init__(
        self, turn: Turn, info: AssistantMessage, request: ModelRequest, client: ModelClient, calls: Calls
    ) -> None:
        self._turn = turn
        self.info = info
        self._request = request
        self._client = client
        self._calls = calls
        self._finish: Finish | None = None

    async def run(self) -> AssistantMessage:
        """Returns the message with its finish set. Raises Overflowed or TurnFailed."""
        if self._turn.background is not None:
            self._turn.snapshots.look(self._turn.background)
        keeper = self._turn.keeper = self._calls.keeper = self._turn.snapshots.step()
        while True:
            await self._turn.conversation.busy()
            reducer = Reducer(self._turn.session.id, self.info.id, mint=new_id, clock=now_ms)
            failure = await self._attempt(reducer)
            if failure is None:
                self._turn.retries.reset()
                return await self._close(self._finish, keeper)
            await self._give_up_or_wait(failure)
            if reducer.called:  # what was called has run and has effects: go on from there instead of asking again
                for part in reducer.unfinished():
                    await self._turn.conversation.put_part(part)
                return await self._close(None, keeper)

    async def _attempt(self, reducer: Reducer) -> ModelFailure | None:
        """One model call, to the end of the tool calls it made."""
        self._finish = None
        self._turn.reducer = reducer
        async with trio.open_nursery() as running:
            failure = await self._stream(reducer, running)
        if failure is None and self._finish is None:
            return ModelFailure("connect", "The model's answer ended early", retryable=True)
        return failure

    async def _stream(self, reducer: Reducer, running: trio.Nursery) -> ModelFailure | None:
        send, receive = trio.open_memory_channel[ProviderEvent](_WAITING_EVENTS)
        failures: list[ModelFailure] = []

        async def produce() -> None:
            async with send:
                try:
                    await self._client.stream(self._request, send.send)
                except ModelFailure as failure:
                    failures.append(failure)

        async with trio.open_nursery() as streaming:
            streaming.start_soon(produce)
            await self._pump(reducer, receive, running)
        return failures[0] if failures else None

    async def _pump(
        self, reducer: Reducer, receive: trio.MemoryReceiveChannel[ProviderEvent], running: trio.Nursery
    ) -> None:
        """Publishes at once while the link keeps up; what has piled up meanwhile goes out as one delta."""
        async for event in receive:
            effects = self._feed(reducer, event)
            while waiting := _next(receive):
                effects += self._feed(reducer, waiting)
            for effect in merge_deltas(effects):
                await self._apply(effect, running)

    def _feed(self, reducer: Reducer, event: ProviderEvent) -> list[Effect]:
        if isinstance(event, TextDelta | ReasoningDelta | ToolInputDelta):
            self._turn.bounds.on_text(len(event.text))
        return reducer.feed(event)

    async def _apply(self, effect: Effect, running: trio.Nursery) -> None:
        match effect:
            case Write(StepStartPart() as part):
                tree = await self._turn.snapshots.known()
                await self._turn.conversation.put_part(msgspec.structs.replace(part, snapshot=tree))
            case Write():
                await self._turn.conversation.put_part(effect.part)
            case Delta():
                await self._turn.conversation.show_delta(effect.part, effect.text)
            case Call():
                running.start_soon(self._calls.run, await self._calls.admit(effect.part, effect.raw))
            case Finish():
                self._finish = effect

    async def _give_up_or_wait(self, failure: ModelFailure) -> None:
        if failure.kind == "overflow":
            raise Overflowed(failure)
        retry = self._turn.retries.after(failure)
        _log.warning(
            "a model call failed",
            provider=self.info.provider_id,
            model=self.info.model_id,
            kind=failure.kind,
            status=failure.status,
            reason=failure.message[:_REASON],
            attempt=retry.attempt if retry else None,
            again_in_s=round(retry.wait_s, 1) if retry else None,
        )
        if retry is None:
            raise TurnFailed(describe(failure, self.info.provider_id))
        await self._wait(retry, failure)

    async def _wait(self, retry: Retry, failure: ModelFailure) -> None:
        message = "Provider is overloaded" if failure.status == 529 else failure.message
        next = now_ms() + round(retry.wait_s * 1000)
        await self._turn.conversation.status(StatusRetry(attempt=retry.attempt, message=message, next=next))
        await trio.sleep(retry.wait_s)

    async def _close(self, finish: Finish | None, keeper: StepKeeper) -> AssistantMessage:
        """The step's last part and its message's finish. Without a ``finish`` the stream broke after its calls."""
        conversation = self._turn.conversation
        before, recorded = keeper.before, await keeper.finish()
        if finish is not None:
            tokens = finish.finish.tokens
            cost = self._turn.scene.cost_of(self._request.model, tokens)
            conversation.spend(cost, tokens)
            reason = reason_of(finish.finish, calls=finish.calls)
            self.info = msgspec.structs.replace(self.info, finish=reason, cost=self.info.cost + cost, tokens=tokens)
            part = StepFinishPart(
                id=new_id("prt"),
                session_id=self.info.session_id,
                message_id=self.info.id,
                reason=reason,
                cost=cost,
                tokens=tokens,
                snapshot=self._turn.snapshots.tree,
            )
            await conversation.put_part(part)
        else:
            self.info = msgspec.structs.replace(self.info, finish="tool-calls")
        await conversation.put_message(self.info)
        if recorded is not None and before is not None:
            await put_patch(self._turn, self.info, before, recorded, cut=finish is None)
        return self.info


def _next(receive: trio.MemoryReceiveChannel[ProviderEvent]) -> ProviderEvent | None:
    try:
        return receive.receive_nowait()
    except (trio.WouldBlock, trio.EndOfChannel):
        return None


def reason_of(finish: StepFinish, *, calls: bool) -> str:
    """Some servers say "stop" though they called tools; the results would then never be read."""
    return "tool-calls" if calls and finish.reason in {"stop", "unknown"} else finish.reason
