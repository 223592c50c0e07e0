"""One server's life: started or reached, held, lost, started again; at any time it has a status that can be shown."""

import contextlib
import math
import shlex
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import msgspec
import structlog
import trio

from oad.contract.mcp import (
    McpConfig,
    McpLocal,
    McpRemote,
    McpStatus,
    MCPStatusConnected,
    MCPStatusDisabled,
    MCPStatusFailed,
    MCPStatusNeedsAuth,
    MCPStatusNeedsClientRegistration,
)
from oad.contract.policy import ShellPolicy

from ..egress import Egress
from ..exec import Command, Exec
from ..link import Link
from ..restriction.decision import decide
from ..tools.environment import command_environment
from . import sdk
from .authorization import Authorization
from .backoff import Backoff
from .credentials import ServerCredentials
from .failure import Refused, ServerDown, explain

if TYPE_CHECKING:
    from .connection import Connection
    from .oauth import Guard
    from .remote import Reached

_log = structlog.get_logger("oad.mcp")

START_S: Final = 30.0  # to be connected, unless configured otherwise
STARTING: Final = "it is still being started"
RETRY_S: Final = 20.0  # one that could not be had is tried again when it is wanted, but not more often

Way = Callable[[Callable[[str], None]], contextlib.AbstractAsyncContextManager[tuple[Any, Any]]]
"""A way to a server's streams; it is given who to tell why they have ended."""


class World(msgspec.Struct, frozen=True):
    """What all servers of a directory have in common."""

    directory: str
    exec: Exec
    egress: Egress
    link: Link
    shell: ShellPolicy


class Server:
    """``settled`` is set when the newest start has come to something, ``first`` when the first one has."""

    def __init__(self, name: str, config: McpConfig, world: World) -> None:
        self.name = name
        self.config = config
        self.connection: Connection | None = None
        self.status: McpStatus = MCPStatusDisabled()
        self.first = trio.Event()
        self.began = trio.current_time()
        self._world = world
        self._life = _Life(None)
        self._life.ended.set()
        self._tried = -math.inf

    # --- what others do with it -----------------------------------------------------------------------------------

    @property
    def settled(self) -> trio.Event:
        return self._life.settled

    def start(self, nursery: trio.Nursery, authorization: Authorization | None = None) -> None:
        """Ends the life it has and begins another."""
        before = self._life.ended
        self._life.scope.cancel()
        self._life = _Life(authorization)
        self.connection, self.status = None, MCPStatusFailed(error=STARTING)
        self._tried = trio.current_time()
        nursery.start_soon(self._live, self._life, before)

    def retry(self, nursery: trio.Nursery) -> None:
        """Starts it again if it is down for good, and not since just now."""
        down = self._life.ended.is_set() and isinstance(self.status, MCPStatusFailed)
        if down and trio.current_time() - self._tried > RETRY_S:
            self.start(nursery)

    def stop(self) -> None:
        """It is disabled until it is started again; its processes end meanwhile."""
        self._life.scope.cancel()
        self.connection, self.status = None, MCPStatusDisabled()
        self._settle(self._life)

    async def ready(self, within_s: float) -> "Connection":
        """Raises ServerDown."""
        with trio.move_on_after(within_s):
            await self.settled.wait()
        if self.connection is None:
            raise ServerDown(f"The MCP server {self.name} is not connected: {self._reason()}")
        return self.connection

    def credentials(self) -> ServerCredentials | None:
        """Those of a server that may be authorized."""
        if isinstance(self.config, McpRemote) and self.config.oauth is not False:
            return ServerCredentials(self._world.link, self.name, self.config.url)
        return None

    @property
    def start_s(self) -> float:
        return self.config.timeout / 1000 if self.config.timeout else START_S

    def _reason(self) -> str:
        match self.status:
            case MCPStatusFailed(error=text) | MCPStatusNeedsClientRegistration(error=text):
                return text
            case MCPStatusNeedsAuth():
                return "it has to be authorized first"
            case _:
                return "it is disabled"

    # --- its life -------------------------------------------------------------------------------------------------

    async def _live(self, life: "_Life", before: trio.Event) -> None:
        backoff, wanted = Backoff(), False
        try:
            with life.scope:
                await before.wait()  # never two at a time
                while True:
                    began = trio.current_time()
                    wanted = await self._attempt(life) or wanted
                    self._settle(life)
                    pause = backoff.after(trio.current_time() - began) if wanted else None
                    if pause is None:
                        return
                    await trio.sleep(pause)
                    life.authorization = None
        finally:
            life.ended.set()
            self._settle(life)

    def _settle(self, life: "_Life") -> None:
        life.settled.set()
        self.first.set()

    async def _attempt(self, life: "_Life") -> bool:
        """Holds a connection for as long as it lasts; whether there was one. Raises nothing but cancellation."""
        try:
            await sdk.load()
            door = self._door(life.authorization)
        except Refused as error:
            self.status = MCPStatusFailed(error=str(error))
            return False
        failures: list[str] = []
        opened = False
        for way in door.ways:
            connection = self._new_connection()
            failures.append(await self._try(way, connection, life))
            opened = connection.was_open
            if opened or door.closed:
                break
        self.connection = None
        self.status = MCPStatusFailed(error=failures[-1]) if opened else door.judge(failures[0])
        if opened:
            _log.warning("lost", server=self.name, directory=self._world.directory, reason=failures[-1])
            await self._tell_change()
        return opened

    async def _try(self, way: Way, connection: "Connection", life: "_Life") -> str:
        """Why it came to nothing, or to an end."""
        try:
            await self._hold(way, connection, life)
        except BaseException as error:
            # Libraries' task groups hand over whatever their tasks raised, cancellations among it.
            cancelled, failure = _parted(error)
            if cancelled is not None:
                raise cancelled from None
            if isinstance(failure, Exception):
                return connection.reason or explain(failure)
            raise
        finally:
            connection.lost("the connection was closed")  # whoever still waits for an answer gets none
        raise AssertionError("a connection does not end without a reason")

    async def _hold(self, way: Way, connection: "Connection", life: "_Life") -> None:
        """Raises ServerDown at the latest when the connection ends."""
        with trio.CancelScope(deadline=trio.current_time() + self.start_s) as starting:
            if life.authorization is not None:
                life.authorization.hold = partial(_prolong, starting, self.start_s)
            async with way(connection.lost) as streams, connection.make_session(streams) as session:
                await connection.begin(session)
                starting.deadline = math.inf
                connection.was_open = True
                self.connection, self.status = connection, MCPStatusConnected()
                self._settle(life)
                await connection.follow()
                raise ServerDown(connection.reason)
        raise ServerDown(connection.reason or f"it did not answer within {self.start_s:g} s")

    async def _tell_change(self) -> None:
        await self._world.link.publish("mcp.tools.changed", {"server": self.name}, durable=False)

    def _new_connection(self) -> "Connection":
        from .connection import Connection

        return Connection(self._tell_change)

    def _door(self, authorization: Authorization | None) -> "_Door":
        """Raises Refused."""
        config = self.config
        if isinstance(config, McpLocal):
            from .stdio import speak

            return _Door([partial(speak, self._world.exec, make_command(config, self._world))])
        from .oauth import Guard
        from .remote import Reached

        credentials = self.credentials()
        guard = Guard(config, credentials, authorization) if credentials is not None else None
        reached = Reached(config, self._world.egress, guard)
        return _Door([reached.by_stream, reached.by_events], guard, reached)


class _Life:
    def __init__(self, authorization: Authorization | None) -> None:
        self.scope = trio.CancelScope()
        self.ended = trio.Event()
        self.settled = trio.Event()
        self.authorization = authorization


class _Door:
    """The ways to a server, to be tried in this order, and what stands before them."""

    def __init__(self, ways: list[Way], guard: "Guard | None" = None, reached: "Reached | None" = None) -> None:
        self.ways = ways
        self._guard = guard
        self._reached = reached

    @property
    def closed(self) -> bool:
        """Another way leads to the same refusal."""
        return self._guard is not None and bool(self._guard.needed or self._guard.unregistered)

    def judge(self, failure: str) -> McpStatus:
        if self._guard is not None and self._guard.unregistered:
            return MCPStatusNeedsClientRegistration(error=self._guard.unregistered)
        if self._guard is not None and self._guard.needed:
            return MCPStatusNeedsAuth()
        if self._reached is not None and self._reached.status:
            failure = f"{failure} (HTTP {self._reached.status})"
        return MCPStatusFailed(error=failure)


def make_command(config: McpLocal, world: World) -> Command:
    """Raises Refused for what a client, or a file, may not start."""
    if not config.command:
        raise Refused("no command is configured")
    shown = shlex.join(config.command)
    decision = decide(shown, world.directory, world.shell)
    if decision.rule:
        raise Refused(decision.message)
    cwd = str(Path(world.directory) / config.cwd) if config.cwd else world.directory
    env = {**command_environment(), **(config.environment or {})}
    return Command(config.command, cwd, env, shown=shown)


def _parted(error: BaseException) -> tuple[BaseException | None, BaseException | None]:
    """The cancellations in it, and the rest."""
    if isinstance(error, BaseExceptionGroup):
        return cast("BaseExceptionGroup[BaseException]", error).split(trio.Cancelled)
    return (error, None) if isinstance(error, trio.Cancelled) else (None, error)


def _prolong(starting: trio.CancelScope, usual_s: float, seconds: float) -> None:
    """While a person is waited for; NaN: the usual time from now on."""
    starting.deadline = trio.current_time() + (usual_s if math.isnan(seconds) else seconds)
