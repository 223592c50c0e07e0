"""``oad run``: one prompt, and its answer while it comes."""

import functools
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import msgspec
import trio

from oad.client import AsyncClient, Failure
from oad.contract.message import AssistantMessage, MessageWithParts
from oad.contract.permission import PermissionRule
from oad.contract.session import Session, SessionCreate

from .attachment import CannotAttach, attach_files
from .exit_status import FAILED, INTERRUPTED, OK, UNREACHABLE, USAGE
from .follow import Follower
from .permission_answers import PermissionAnswers
from .target import Target, Unreachable
from .target_options import TargetOptions
from .temporary_server import reach
from .turn_printer import JsonPrinter, TextPrinter, TurnPrinter

_ABORT_S = 5.0
# Nobody is there to answer a question or to leave plan mode, as with opencode's own `run`.
_RULES = [
    PermissionRule(permission=name, pattern="*", action="deny") for name in ("question", "plan_enter", "plan_exit")
]


class RunOptions(msgspec.Struct, frozen=True):
    """The command line; None is "not given"."""

    message: tuple[str, ...] = ()
    session: str | None = None
    last: bool = False
    title: str | None = None
    agent: str | None = None
    model: str | None = None
    variant: str | None = None
    files: tuple[Path, ...] = ()
    directory: str | None = None
    format: str = "default"
    auto: bool = False


class WrongUse(Exception):
    """The text is for the person who typed the command."""


def run(options: RunOptions, where: TargetOptions) -> int:
    """Returns the exit status, as exit_status has them."""
    try:
        text = _text(options)
        return trio.run(_run, options, where, text)
    except (WrongUse, CannotAttach) as error:
        return _complain(str(error), USAGE)
    except Unreachable as error:
        return _complain(str(error), UNREACHABLE)
    except Failure as error:
        return _complain(str(error), UNREACHABLE if error.unreachable else FAILED)
    except KeyboardInterrupt:
        return INTERRUPTED


def _complain(text: str, status: int) -> int:
    print(f"oad: {text}", file=sys.stderr)
    return status


def _text(options: RunOptions) -> str:
    """The words of the command line, then what is piped in. Raises WrongUse."""
    if options.format not in ("default", "json"):
        raise WrongUse(f"unknown format {options.format}: default or json")
    if options.model is not None and not all(options.model.partition("/")):
        raise WrongUse(f"{options.model} is not provider/model")
    if options.session and options.last:
        raise WrongUse("either --session or --continue")
    piped = "" if sys.stdin is None or sys.stdin.isatty() else sys.stdin.read()
    text = "\n".join(part for part in (" ".join(options.message), piped) if part.strip())
    if not text:
        raise WrongUse('nothing to send: oad run "some text"')
    return text


async def _run(options: RunOptions, where: TargetOptions, text: str) -> int:
    async with reach(where) as target, _client(target, options) as client:
        files = await attach_files(options.files)
        session = await _session(client, options)
        printer = JsonPrinter(session.id) if options.format == "json" else TextPrinter()
        answers = PermissionAnswers(client, auto=options.auto)
        turn = _Turn(client, session, printer, Follower(session.id, printer, answers))
        prompt = functools.partial(
            client.sessions.prompt,
            session.id,
            text,
            files=files,
            agent=options.agent,
            model=options.model,
            variant=options.variant,
        )
        return await turn.run(prompt)


def _client(target: Target, options: RunOptions) -> AsyncClient:
    """A server of this host works where the command was typed; of another one's directories we know nothing."""
    directory = options.directory
    if target.is_local:
        directory = str(Path(directory or ".").absolute())
    return AsyncClient(target.url, target.login, directory=directory)


async def _session(client: AsyncClient, options: RunOptions) -> Session:
    """Raises Failure, WrongUse."""
    if options.session:
        return await client.sessions.get(options.session)
    if options.last:
        roots = await client.sessions.list(roots=True, limit=1)
        if roots:
            return roots[0]
    return await client.sessions.create(SessionCreate(title=options.title, permission=_RULES))


class _Turn:
    """The prompt, the events that tell of it, and Ctrl-C, side by side."""

    def __init__(self, client: AsyncClient, session: Session, printer: TurnPrinter, follower: Follower) -> None:
        self._client = client
        self._session = session
        self._printer = printer
        self._follower = follower
        self._status = OK

    async def run(self, prompt: Callable[[], Awaitable[MessageWithParts]]) -> int:
        """Raises Failure."""
        failures: list[Failure] = []
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._abort_on_signal, nursery.cancel_scope)
                # The stream is open before the prompt goes out, or the beginning would be missed.
                await nursery.start(self._follower.run, self._client)
                self._judge(await prompt())
                await self._follower.settle()
                nursery.cancel_scope.cancel()
        except* Failure as group:
            failures += _leaves(group)
        self._printer.close()
        if failures and self._status == OK:
            raise failures[0]
        return self._status

    def _judge(self, answer: MessageWithParts) -> None:
        if isinstance(answer.info, AssistantMessage) and answer.info.error is not None:
            self._printer.failed(answer.info.error)
            self._status = self._status or FAILED

    async def _abort_on_signal(self, scope: trio.CancelScope) -> None:
        with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            async for number in signals:
                self._status = INTERRUPTED if number == signal.SIGINT else 128 + number
                break
            with trio.move_on_after(_ABORT_S):
                await self._abort()
        scope.cancel()

    async def _abort(self) -> None:
        """The turn is the server's, and would go on without us."""
        try:
            await self._client.sessions.abort(self._session.id)
        except Failure as error:
            print(f"oad: could not stop the turn: {error}", file=sys.stderr)


def _leaves(group: BaseExceptionGroup[Failure]) -> Iterator[Failure]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error
