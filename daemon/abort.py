"""One abort of one session: the ladder driven against a live worker, and the receipt that comes of it."""

import signal
from typing import Final

import msgspec
import trio

from oad.contract.ids import now_ms
from oad.contract.wire_model import WireModel
from oad.link import Answer

from .ladder import Ladder, Plan, Rung, Step
from .worker import Worker

RECEIPT_TYPE: Final = "application/vnd.oad.receipt+json"
_RUNNING: Final = "abort"  # in a worker's facts: the run that is under way


class SignalSent(WireModel):
    signal: str
    target: str
    at_ms: float


class Receipt(WireModel):
    """What an abort did. ``rung``: none, asked, broker or killed; ``killed`` counts what the broker had to kill;
    ``level`` tells what holds the session together: pidns (the kernel) or subreaper (a walk)."""

    session_id: str
    mode: str
    requested: int  # milliseconds of wall-clock time
    rung: str
    signals: list[SignalSent]
    killed: int
    survivors: int
    took_ms: float
    level: str
    worker_lost: bool

    @classmethod
    def nothing_to_do(cls, session_id: str, plan: Plan = Plan()) -> "Receipt":  # noqa: B008  it is frozen
        return cls(
            session_id=session_id,
            mode=plan.mode,
            requested=now_ms(),
            rung="none",
            signals=[],
            killed=0,
            survivors=0,
            took_ms=0.0,
            level="",
            worker_lost=False,
        )


class Stopped(msgspec.Struct):
    """The worker's answer to ``worker.abort``: its turn is over, and so many processes had to be killed for that."""

    killed: int = 0
    survivors: int = 0


async def abort_worker(worker: Worker, session_id: str, plan: Plan = Plan()) -> Receipt:  # noqa: B008  it is frozen
    """Returns when nothing of the turn exists any more. An abort that is under way is hurried up, and then had."""
    requested = now_ms()
    running = worker.facts.get(_RUNNING)
    if isinstance(running, _Run):
        running.hurry(plan)
    async with worker.aborting:
        ladder = Ladder(plan)
        worker.facts[_RUNNING] = run = _Run(worker, ladder)
        try:
            await run.climb()
        finally:
            worker.facts.pop(_RUNNING, None)
        return _receipt(session_id, requested, ladder, worker)


def _receipt(session_id: str, requested: int, ladder: Ladder, worker: Worker) -> Receipt:
    made = ladder.receipt()
    return Receipt(
        session_id=session_id,
        mode=ladder.plan.mode,
        requested=requested,
        rung=Rung(made.rung).name.lower(),
        signals=[SignalSent(signal=s.name, target=s.target, at_ms=round(s.at_ms, 2)) for s in made.signals],
        killed=made.killed,
        survivors=made.survivors,
        took_ms=round(made.took_ms, 2),
        level=worker.child.level if worker.child else "",
        worker_lost=made.worker_lost,
    )


def _stopped(answer: Answer | None) -> Stopped | None:
    """None unless the worker says clearly that its turn is over: then the ladder goes on to the kill."""
    if answer is None or answer.status != 200:
        return None
    try:
        return msgspec.json.decode(answer.body or b"{}", type=Stopped)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


class _Run:
    """Three sources of news (the worker's answer, its end, the clock) feed one ladder."""

    def __init__(self, worker: Worker, ladder: Ladder) -> None:
        self._worker = worker
        self._ladder = ladder
        self._news = trio.Event()
        self._nursery: trio.Nursery | None = None

    async def climb(self) -> None:
        async with trio.open_nursery() as self._nursery:
            nursery = self._nursery
            self._act(self._ladder.start(trio.current_time()))
            if self._ladder.plan.mode != "kill":
                nursery.start_soon(self._ask, self._ladder.plan)
            nursery.start_soon(self._watch)
            while not self._ladder.done:
                self._news = trio.Event()
                with trio.move_on_at(self._ladder.next_deadline):
                    await self._news.wait()
                self._act(self._ladder.step(trio.current_time()))
            nursery.cancel_scope.cancel()
        self._nursery = None

    def hurry(self, plan: Plan) -> None:
        """A further abort has come meanwhile."""
        steps = self._ladder.tighten(trio.current_time(), plan)
        self._act(steps)
        if self._nursery is not None and plan.mode != "kill":
            self._nursery.start_soon(self._ask, plan)
        self._news.set()

    async def _ask(self, plan: Plan) -> None:
        # The signal is fast, but may overtake a prompt that is still in the link. This call can't: it comes after
        # everything that was sent before, and its answer says that all of that is stopped.
        params = {"grace": f"{plan.grace_s:g}", "keep": "true" if plan.keep else "false"}
        answer = await self._worker.call("worker.abort", params, b"")
        stopped = _stopped(answer)
        if stopped is not None:
            self._act(self._ladder.on_idle(trio.current_time(), stopped.killed, stopped.survivors))
            self._news.set()

    async def _watch(self) -> None:
        await self._worker.gone.wait()
        self._act(self._ladder.on_exit(trio.current_time()))
        self._news.set()

    def _act(self, steps: list[Step]) -> None:
        for step in steps:
            if step is Step.SIGNAL_WORKER and self._worker.child is not None:
                self._worker.child.signal_worker(signal.SIGUSR1)
            elif step is Step.KILL_INIT:
                self._worker.kill()
            elif step is Step.VERIFY:
                # The init is reaped: of a PID namespace nothing can be left, and without one its end included a walk.
                survivors = self._worker.child.survivors if self._worker.child is not None else 0
                self._act(self._ladder.on_verified(trio.current_time(), survivors))
