"""After a start: what waited for its turn when the last daemon ended will not have one, and is told so."""

from collections.abc import Collection

from ..bookkeeper import interrupted
from ..journal import Journal
from ..register import Register
from ..sessions import Sessions, place_of
from ..turns import Turns


async def close_waiting(
    register: Register, sessions: Sessions, turns: Turns, journal: Journal, told: Collection[str]
) -> int:
    """Returns how many sessions there were, besides those that are ``told`` already."""
    waited = [each for each in await register.take_waiting() if each not in told and sessions.exists(each)]
    for id in waited:
        session = sessions.find(id)
        journal.append("session.error", {"sessionID": id, "error": interrupted()}, place_of(session))
        turns.repeat_status(session)
    await journal.caught_up()
    return len(waited)
