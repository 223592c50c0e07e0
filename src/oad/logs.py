"""Structured logs: one JSON object a line, to the log file, and to standard error when asked."""

import logging
import os
import sys
from pathlib import Path
from typing import Final

# structlog imports rich and pygments where it finds them, to draw tracebacks. These logs are JSON: that is 5 MB and a
# tenth of a second for nothing, in each server.
_rich = sys.modules.get("rich")
sys.modules["rich"] = None  # type: ignore[assignment]  # pyright: ignore[reportArgumentType]
import structlog  # noqa: E402

from oad.contract.redact import KNOWN  # noqa: E402

if _rich is None:
    del sys.modules["rich"]
else:
    sys.modules["rich"] = _rich

LEVELS: Final = {"debug": logging.DEBUG, "info": logging.INFO, "warn": logging.WARNING, "error": logging.ERROR}


_owner = os.getpid()
_abandoned: list[logging.Handler] = []


def configure_logs(level: str, *, file: Path | None, to_stderr: bool) -> None:
    """For one process. The file is opened for appending, so that all processes of a server may share it."""
    _abandon_inherited()
    handlers: list[logging.Handler] = []
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handlers.append(logging.FileHandler(file))
    if to_stderr or file is None:
        handlers.append(logging.StreamHandler(sys.stderr))
    logging.basicConfig(
        level=LEVELS.get(level.lower(), logging.INFO), handlers=handlers, format="%(message)s", force=True
    )
    for noisy in ("httpx", "httpx2", "httpcore", "openai", "anthropic", "hypercorn", "quart"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    shared = (
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso"),
        structlog.processors.format_exc_info,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.JSONRenderer(),
            _conceal,
        ],
        foreign_pre_chain=shared,
    )
    for handler in handlers:
        handler.setFormatter(formatter)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


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
