"""What all phases of one turn share."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import msgspec
import structlog
import trio

from oad.contract.catalogue import Agent, Model
from oad.contract.errors import ApiError
from oad.contract.ids import new_id, now_ms
from oad.contract.limits import LimitHit
from oad.contract.message import (
    AssistantMessage,
    MessagePath,
    MessageWithParts,
    NamedError,
    TurnTime,
    UserMessage,
    UserSummary,
)
from oad.contract.permission import PermissionRule
from oad.contract.sandbox import Confinement
from oad.contract.session import Session, no_tokens
from oad.contract.worker import WorkerSpec

from ..audit import Audit, Unrecorded
from ..exec import Exec
from ..link import Link
from ..providers.model import Endpoint
from ..sandbox.agent_exec import AgentExec, UnknownProfile, narrow
from ..snapshots.file_diffs import summarize
from ..snapshots.keeper import Snapshots, StepKeeper
from .bounds import Bounds
from .conversation import Conversation
from .reducer import Reducer
from .report import Report
from .retry import RetryPlan
from .surroundings import Scene, UnknownName

_log = structlog.get_logger("oad.session")


class Turn:
    """From the prompt that finds the session idle to idle again; prompts that come meanwhile join it."""

    def __init__(
        self,
        number: int,
        link: Link,
        exec: Exec,
        spec: WorkerSpec,
        services: dict[str, Any],
        bounds: Bounds | None = None,
        audit: Audit | None = None,
        report: Report | None = None,
    ) -> None:
        self.report = report or Report(Snapshots(None, "nothing was said of a place for them"))
        self.snapshots = self.report.snapshots
        self.keeper: StepKeeper | None = None  # of the step under way, or of one that was cut off
        self.audit = audit or Unrecorded()
        self.number = number
        self.link = link
        self.exec = exec
        self.spec = spec
        self.services = services  # shared by all tool calls of the session, which keep records of their own in it
        self.bounds = bounds or Bounds()
        self.scope = trio.CancelScope()
        self.background: trio.Nursery | None = None  # outlives the answer; ends with the turn
        self.retries = RetryPlan()
        self.reducer: Reducer | None = None  # of the newest stream; the closing keeps what it still holds
        self.overflows = 0  # compactions forced by a provider that refused the size
        self.replied = False  # it has a message of its own, which can carry an error
        self.prompts = 0  # how many this turn has to answer
        self.quiet = False  # its work closes itself when it is aborted
        self.sealed = False  # takes no more prompts: the next one opens the next turn
        self.answer: MessageWithParts | None = None
        self.verdict: NamedError | None = None  # why it was cancelled, when that is not an abort
        self.hit: LimitHit | None = None  # the limit that stopped it, not yet told
        self.problem: ApiError | None = None  # a failure that has no message to carry it
        self.announced = trio.Event()  # everybody can know that it runs, or it has ended
        self.done = trio.Event()
        self.ended = trio.Event()  # nothing of it runs any more
        self._arriving = 0
        self._stored = trio.Event()

    @contextmanager
    def arrival(self) -> Generator[None]:
        """While a prompt is being stored the turn does not end: it would be left unanswered."""
        self._arriving += 1
        try:
            yield
        finally:
            self._arriving -= 1
            self._stored.set()

    async def seal_when_stored(self) -> bool:
        """Takes no more prompts from now on, true; or waits for one that is just being stored, false: look again."""
        if not self._arriving:
            self.sealed = True
            return True
        self._stored = trio.Event()
        await self._stored.wait()
        return False

    def begin(self, scene: Scene, conversation: Conversation) -> None:
        self.scene = scene
        self.services.update(scene.services)
        self.conversation = conversation
        self._began = trio.current_time()
        _log.info("turn begins", turn=self.number)

    def conclude(self) -> None:
        """It has its answer."""
        self.answer = self.conversation.last_assistant()
        self.done.set()
        took_s = round(trio.current_time() - self._began, 3)
        _log.info("turn ended", turn=self.number, took_s=took_s, **_account(self.answer))

    @property
    def session(self) -> Session:
        return self.conversation.session

    def agent(self, name: str) -> Agent:
        """Raises UnknownName."""
        agent = self.scene.agent(name)
        if agent is None:
            raise UnknownName(unknown_agent(name, self.scene.agents()))
        return agent

    def confinement(self, agent: Agent) -> Confinement:
        """What holds for what this agent runs. Raises UnknownName for a profile that does not exist."""
        try:
            return narrow(self.spec.confinement, agent)
        except UnknownProfile as error:
            raise UnknownName(str(error)) from error

    def exec_for(self, agent: Agent) -> Exec:
        """Raises UnknownName."""
        return AgentExec(self.exec, self.confinement(agent).profile)

    def rules(self, agent: Agent) -> list[PermissionRule]:
        return [*self.scene.rules(agent), *(self.session.permission or [])]

    def model_for(self, user: UserMessage) -> tuple[Model, Endpoint]:
        """Raises UnknownName."""
        return self.scene.find_model(user.model.provider_id, user.model.model_id)

    def new_answer(self, user: UserMessage, agent: str, *, summary: bool | None = None) -> AssistantMessage:
        """An empty assistant message in reply to ``user``."""
        self.replied = True
        return AssistantMessage(
            id=new_id("msg"),
            session_id=self.session.id,
            parent_id=user.id,
            time=TurnTime(created=self.conversation.next_moment()),
            model_id=user.model.model_id,
            provider_id=user.model.provider_id,
            mode=agent,
            agent=agent,
            path=MessagePath(cwd=self.session.directory, root=str(self.scene.worktree)),
            cost=0,
            tokens=no_tokens(),
            variant=user.model.variant,
            summary=summary,
        )

    async def tell_changes(self, prompt: MessageWithParts | None) -> None:
        """The state of the files so far, as the session, its listeners and the prompt worked on show it."""
        diffs = await self.report.of_session(self.conversation.messages)
        await self.conversation.patch({"summary": summarize(diffs)})
        # Journalled when it says something new: it is repeated after every step.
        news = self.report.is_news(diffs)
        await self.conversation.publish("session.diff", {"sessionID": self.session.id, "diff": diffs}, durable=news)
        if prompt is not None and isinstance(prompt.info, UserMessage):
            own = await self.report.of_prompt(self.conversation.messages, prompt.info.id)
            await self.conversation.put_message(msgspec.structs.replace(prompt.info, summary=UserSummary(diffs=own)))

    async def complete(self, info: AssistantMessage) -> AssistantMessage:
        """Gives a message its time of completion and publishes it."""
        time = TurnTime(created=info.time.created, completed=now_ms())
        whole = msgspec.structs.replace(info, time=time)
        await self.conversation.put_message(whole)
        return whole


def unknown_agent(name: str, agents: list[Agent]) -> str:
    offered = ", ".join(sorted(agent.name for agent in agents if not agent.hidden))
    return f'Agent not found: "{name}". Available agents: {offered}'


def _account(answer: MessageWithParts | None) -> dict[str, Any]:
    """Of a turn's last message, for the log."""
    if answer is None or not isinstance(answer.info, AssistantMessage):
        return {}
    info = answer.info
    return {
        "message": info.id,
        "model": f"{info.provider_id}/{info.model_id}",
        "finish": info.finish,
        "error": info.error.name if info.error else None,
    }
