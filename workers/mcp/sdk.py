"""Loading the SDK: some 40 MB and a second or so of imports, paid for a worker's first server and otherwise never."""

import importlib
import logging
from typing import Final

import trio

_MODULES: Final = ("connection", "stdio", "remote", "oauth")


async def load() -> None:
    """In a thread, so that what else the worker does goes on."""
    await trio.to_thread.run_sync(_import)


def _import() -> None:
    for name in ("mcp", "client"):  # it logs whole traces of what comes back to us as exceptions
        logging.getLogger(name).setLevel(logging.CRITICAL)
    for module in _MODULES:
        importlib.import_module(f"{__package__}.{module}")
