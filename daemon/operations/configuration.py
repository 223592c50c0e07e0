"""Changes of the configuration: a directory's worker puts them together and checks them, the daemon writes them.

Nothing is ended for them. Every worker looks at the files again before its next turn or answer; running turns go on as
they began. Clients are told by the event that makes them read everything anew.
"""

import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec
import structlog
import trio

from oad.contract.config_change import ConfigChange
from oad.contract.errors import ApiError, named
from oad.link import Answer

from ..config_file import FileChanged, NotWritable, replace_global, replace_in_project
from ..journal import Place
from .context import Operation, Request

_log = structlog.get_logger("oad.configuration")
_TRIES: Final = 4
_changing: Final = trio.Lock()  # two changes at once would each be made from what the other one replaces

Write = Callable[[Path, bytes, str], None]


async def update_config(request: Request) -> Answer:
    """What of the request was taken, as the reference answers."""
    directory = Path(request.params["directory"])
    change = await _change(request, "config.compose", functools.partial(replace_in_project, directory=directory))
    if change.text is not None:
        _tell(request, change)
        request.services.supervisor.renew_sessions(change.file.rpartition("/")[0].removesuffix("/.opencode"))
        _announce(request, str(directory))
    return Answer(bytes(change.answer))


def _announce(request: Request, directory: str) -> None:
    """What clients take as a reason to read everything anew."""
    place = Place(directory=directory)
    request.services.journal.append("server.instance.disposed", {"directory": directory}, place, durable=False)


async def update_global_config(request: Request) -> Answer:
    """The user's whole configuration afterwards."""
    change = await _change(request, "global.config.compose", functools.partial(replace_global, folder=_own_folder()))
    if change.text is not None:
        _tell(request, change)
        for directory in request.services.supervisor.directories():
            _announce(request, directory)
        request.services.journal.append("global.disposed", {}, Place(directory="global"), durable=False)
    params = request.params
    return await request.services.supervisor.call_project(params["directory"], "global.config.get", params, b"")


async def _change(request: Request, op: str, write: Write) -> ConfigChange:
    """Raises ApiError: 400 for what is no configuration or can't be written, 409 when the file changes all the time."""
    directory, params = request.params["directory"], request.params
    async with _changing:
        tries = 0
        while True:
            tries += 1
            answer = await request.services.supervisor.call_project(directory, op, params, request.body)
            change = msgspec.json.decode(answer.body, type=ConfigChange)
            if change.text is None or await _written(write, change, change.text):
                return change
            if tries == _TRIES:
                message = f"{change.file} is being changed by somebody else"
                raise named(409, "ConfigChangedError", path=change.file, message=message)


async def _written(write: Write, change: ConfigChange, text: bytes) -> bool:
    try:
        await trio.to_thread.run_sync(write, Path(change.file), text, change.seen)
    except FileChanged:
        return False
    except NotWritable as error:
        raise _not_writable(change.file, str(error)) from error
    return True


def _not_writable(file: str, message: str) -> ApiError:
    return named(400, "ConfigReadOnlyError", path=file, message=message)


def _tell(request: Request, change: ConfigChange) -> None:
    request.services.audit.note("policy.changed", file=change.file, keys=change.keys)
    _log.info("configuration changed", file=change.file, keys=change.keys)
    if change.hidden:
        _log.warning("set elsewhere too, where it wins over this file", file=change.file, keys=change.hidden)


def _own_folder() -> Path:
    """As workers find it: theirs is this process's environment."""
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path(os.environ.get("HOME") or Path.home(), ".config"), "opencode")


CONFIGURATION: Final[dict[str, Operation]] = {
    "config.update": update_config,
    "global.config.update": update_global_config,
}
