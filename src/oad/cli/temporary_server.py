"""A server for the length of one command, where none runs."""

import functools
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

import trio

from oad.daemon import procs

from .places import find_places
from .target import Target, Unreachable, find_credential, find_target, running_at
from .target_options import TargetOptions

_START_S: Final = 30.0
_STOP_S: Final = 20.0


@asynccontextmanager
async def reach(options: TargetOptions) -> AsyncGenerator[Target]:
    """The server to talk to; a temporary one in the same data directory if none runs there. Raises Unreachable."""
    if options.url is not None or running_at(find_places(options.data_dir)):
        yield find_target(options)
        return
    process = _start(options)
    try:
        url = await _address(process)
        yield Target(url, find_credential(options, find_places(options.data_dir)), is_local=True)
    finally:
        with trio.CancelScope(shield=True):
            await trio.to_thread.run_sync(_stop, process)


def _start(options: TargetOptions) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "oad.cli.main", "serve", "--hostname", "127.0.0.1", "--port", "0"]
    command.append("--no-mdns")  # which the user's own configuration may ask for; nobody else shall find this one
    if options.data_dir is not None:
        command += ["--data-dir", str(options.data_dir)]
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C is for us; we stop it afterwards
        # It ends with the thread that forked it: the main thread, so with this command, whatever ends that.
        preexec_fn=functools.partial(procs.die_with_parent, signal.SIGTERM),  # noqa: PLW1509  single-threaded so far
    )


async def _address(process: subprocess.Popen[bytes]) -> str:
    """From its first line. Raises Unreachable."""
    with trio.move_on_after(_START_S):
        line = await trio.to_thread.run_sync(_first_line, process, abandon_on_cancel=True)
        if " listening on " in line:
            return line.rpartition(" ")[2]
    raise Unreachable("a temporary server did not start; `oad serve` may tell more")


def _first_line(process: subprocess.Popen[bytes]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().decode().strip()


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()
