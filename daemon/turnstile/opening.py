"""The turnstile at its place between those who must hear of one another."""

from collections.abc import Callable

from ..journal import Journal
from ..limits import Limits
from ..sessions import Sessions
from ..supervisor import Supervisor
from ..turns import Turns
from .memory import available_mb
from .turnstile import Turnstile


def open_turnstile(
    supervisor: Supervisor,
    sessions: Sessions,
    turns: Turns,
    journal: Journal,
    limits: Limits,
    memory: Callable[[], float | None] = available_mb,
) -> Turnstile:
    """Workers that end make room, and aborts reach those who wait."""
    turnstile = Turnstile(supervisor, sessions, turns, journal, limits, memory)
    supervisor.on_room = turnstile.poke
    supervisor.withdraw = turnstile.withdraw
    return turnstile
