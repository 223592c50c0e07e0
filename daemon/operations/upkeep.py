"""A sweep of the server's own data, on demand."""

import sqlite3
from typing import Final

from oad.contract.errors import named
from oad.link import Answer

from ..housekeeping import Housekeeping
from .context import Operation, Request, json_answer


async def sweep_data(request: Request) -> Answer:
    """What was removed; with ``dryRun`` what would be."""
    try:
        dry = request.params.get("dryRun") == "true"
        return json_answer(await Housekeeping(request.services).sweep(dry=dry, thorough=True))
    except (OSError, sqlite3.Error) as error:
        raise named(500, "UnknownError", message=f"The data directory can't be swept: {error}") from error


UPKEEP: Final[dict[str, Operation]] = {"oad.sweep": sweep_data}
