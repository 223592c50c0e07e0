"""What the daemon's operations work with."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import trio

from oad.contract.errors import bad_request
from oad.contract.limits import MEGABYTE
from oad.link import Answer

from ..added_servers import AddedServers
from ..asks import Asks
from ..audit.log import AuditLog
from ..chores import Chores
from ..control_queue import ControlQueues
from ..credentials import Credentials
from ..draining import Draining
from ..gateways import Gateways
from ..journal import Journal
from ..limits import Limits
from ..listeners import Listeners
from ..model_catalogue import ModelCatalogue
from ..oauth.renewal import Renewal
from ..register import Register
from ..sandboxes import Sandboxes
from ..sessions import Sessions
from ..storage import Storage
from ..store import Store
from ..store_upkeep import StoreUpkeep
from ..supervisor import Supervisor
from ..tally import Tally
from ..telemetry.processes import ProcessTable
from ..terminals import Terminals
from ..tracing.tracer import NoTracer, Tracer
from ..turns import Turns
from ..turnstile.turnstile import Turnstile
from ..worktrees import Worktrees


class Services(msgspec.Struct, frozen=True):
    store: Store
    journal: Journal
    sessions: Sessions
    turns: Turns
    asks: Asks
    credentials: Credentials
    server_credentials: Credentials  # of MCP servers, by name and address
    supervisor: Supervisor
    sandboxes: Sandboxes
    limits: Limits
    secret_environment: dict[str, str]
    audit: AuditLog
    worktrees: Worktrees
    turnstile: Turnstile
    register: Register
    store_upkeep: StoreUpkeep
    storage: Storage
    listeners: Listeners = msgspec.field(default_factory=Listeners)
    renewal: Renewal = msgspec.field(default_factory=Renewal)
    controls: ControlQueues = msgspec.field(default_factory=ControlQueues)
    chores: Chores = msgspec.field(default_factory=Chores)
    project_changes: trio.Lock = msgspec.field(default_factory=trio.Lock)  # see projects.change_project
    imports: trio.Lock = msgspec.field(default_factory=trio.Lock)  # one file of sessions after the other
    tally: Tally = msgspec.field(default_factory=Tally)
    processes: ProcessTable = msgspec.field(default_factory=lambda: ProcessTable(dict))
    gateways: Gateways | None = None
    tracer: Tracer = msgspec.field(default_factory=NoTracer)
    draining: Draining = msgspec.field(default_factory=Draining)
    models: ModelCatalogue = msgspec.field(default_factory=lambda: ModelCatalogue({}, Path()))
    added_servers: AddedServers = msgspec.field(default_factory=AddedServers)
    find_address: Callable[[], str] = str  # where clients find the server; empty when nobody knows

    @property
    def terminals(self) -> Terminals:
        return self.supervisor.terminals

    def check_count(self, more: int = 1) -> None:
        """Raises ApiError 429 when the service may not have so many sessions more."""
        self.check_room()
        most = self.limits.policy.sessions
        if most is not None and self.sessions.total + more > most:
            raise self.limits.refuse("sessions", most, self.sessions.total)

    def check_room(self) -> None:
        """Raises ApiError 429 when the store takes as much of the disk as it may."""
        most = self.supervisor.policy.storage.store_mb
        if most is not None and (used := self.store.size() / MEGABYTE) >= most:
            self.store_upkeep.soon()
            raise self.limits.refuse("storeMb", most, used)


class Request(msgspec.Struct, frozen=True):
    """One call. ``caller`` is empty for a gateway, else the session or directory whose worker asks."""

    op: str
    params: dict[str, str]
    body: bytes
    services: Services
    caller: str = ""
    who: str = ""  # on whose behalf a gateway asks
    user: str = ""  # the same, if it is one whom the settings name
    outer: str = ""  # the URL by which the client reaches the server, where that is known

    def decode(self, type: Any) -> Any:
        """The body as ``type``; an empty body as an empty object. Raises ApiError 400."""
        try:
            return msgspec.json.decode(self.body or b"{}", type=type)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise bad_request(str(error)) from error


Operation = Callable[[Request], Awaitable[Answer]]


def json_answer(value: Any, headers: dict[str, str] | None = None) -> Answer:
    return Answer(msgspec.json.encode(value), 200, headers or {})


def join_json(items: list[bytes]) -> bytes:
    """A JSON array of records that are JSON already."""
    return b"[" + b",".join(items) + b"]"


TRUE = Answer(b"true")
