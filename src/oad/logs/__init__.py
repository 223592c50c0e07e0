"""Structured logs: one JSON object a line, to the log file, to standard error when asked, or to the journal.

Every line has ``timestamp``, ``level``, ``logger``, ``event``, ``process`` (what kind) and ``pid``; where they apply
also ``session``, ``request``, ``user`` (see oad.contract.trail) and ``name`` (of a gateway or worker).
"""

import logging
import os
import sys
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any, Final, NamedTuple

# structlog imports rich and pygments where it finds them, to draw tracebacks. These logs are JSON: that is 5 MB and a
# tenth of a second for nothing, in each server.
_rich = sys.modules.get("rich")
sys.modules["rich"] = None  # type: ignore[assignment]  # pyright: ignore[reportArgumentType]
import structlog  # noqa: E402

from oad.contract.redact import KNOWN  # noqa: E402
from oad.contract.trail import SESSION, TRAIL  # noqa: E402

from .outlet import Outlet, Sink, to_file, to_stderr  # noqa: E402
from .repeats import Repeats  # noqa: E402
from .rotation import LogFile  # noqa: E402

if _rich is None:
    del sys.modules["rich"]
else:
    sys.modules["rich"] = _rich

__all__ = ["LEVELS", "Rotation", "configure_logs", "name_process"]

LEVELS: Final = {"debug": logging.DEBUG, "info": logging.INFO, "warn": logging.WARNING, "error": logging.ERROR}
_MEGABYTE: Final = 1024 * 1024
_REPEATS: Final = 10


class Rotation(NamedTuple):
    """Of the log file: how long it may become, and how many full ones are kept."""

    max_mb: int
    keep: int


_owner = os.getpid()
_abandoned: list[logging.Handler] = []
_fixed: dict[str, str] = {}
_pid = 0


def configure_logs(
    level: str,
    *,
    file: Path | None,
    stderr: bool,
    repeats: int = _REPEATS,
    rotation: Rotation | None = None,
) -> None:
    """For one process and its forks. The file is opened for appending, so that all processes of a server may share it;
    with a ``rotation`` this one sees to that, by a thread. ``repeats``: see Repeats. Raises OSError."""
    _abandon_inherited()
    sinks: list[Sink] = []
    if file is not None:
        most = rotation.max_mb * _MEGABYTE if rotation is not None else 0
        sinks.append(to_file(LogFile(file, most, rotation.keep if rotation is not None else 0)))
    if stderr or file is None:
        sinks.append(to_stderr(os.environ))
    outlet = Outlet(sinks, Repeats(repeats))
    logging.basicConfig(level=LEVELS.get(level.lower(), logging.INFO), handlers=[outlet], force=True)
    for noisy in ("httpx", "httpx2", "httpcore", "openai", "anthropic", "hypercorn", "quart", "urllib3"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    shared = (
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso"),
        _add_trail,
        structlog.processors.format_exc_info,
    )
    outlet.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(default=str),
                _conceal,
            ],
            foreign_pre_chain=shared,
        )
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def name_process(kind: str, *, name: str = "", session: str = "", pid: int = 0) -> None:
    """What this process is, for each of its lines from now on; forks say anew what they are. ``pid``: the one to show
    instead of its own, which in a namespace means nothing to the reader."""
    global _pid
    _pid = pid
    _fixed.clear()
    _fixed.update({key: text for key, text in (("process", kind), ("name", name), ("session", session)) if text})


def _add_trail(_logger: object, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """What a line says itself wins."""
    for key, text in _fixed.items():
        line.setdefault(key, text)
    line["pid"] = _pid or os.getpid()
    if session := SESSION.get():
        line.setdefault("session", session)
    trail = TRAIL.get()
    if trail.request:
        line.setdefault("request", trail.request)
    if trail.user:
        line.setdefault("user", trail.user)
    return line


def _conceal(_logger: object, _method: str, line: object) -> str:
    """The last step, so that no field, traceback or foreign logger's text is missed."""
    return KNOWN.conceal_text(str(line))


def _abandon_inherited() -> None:
    """After a fork, handlers of the parent have descriptors that may since have been closed and given to others:
    neither they nor the garbage collector may close them."""
    global _owner
    if _owner != os.getpid():
        _owner = os.getpid()
        _abandoned.extend(logging.root.handlers)
        logging.root.handlers.clear()
