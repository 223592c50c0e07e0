"""The proxy's main function."""

import resource
import signal
import socket
from collections.abc import Callable
from pathlib import Path

import structlog
import trio

from oad.heap import keep_small
from oad.logs import configure_logs, name_process
from oad.service_manager import ServiceManager

from .door import Door
from .settings import ProxySettings

_log = structlog.get_logger("oad.proxy")
_BACKLOG = 256
_NO_MANAGER = ServiceManager()


def run_proxy(
    settings: ProxySettings,
    door: socket.socket,
    give_up: Callable[[], None] = lambda: None,
    manager: ServiceManager = _NO_MANAGER,
) -> int:
    """Serves until SIGTERM or SIGINT; returns the exit status. Raises BadRule, OSError. ``give_up`` is called when
    nothing more is needed of what this process may do.

    It keeps nothing that a restart would lose: ``door`` belongs to the parent, sessions bring their listening sockets
    again, and what was waiting in either is still there."""
    configure_logs(settings.log_level, file=settings.log_file, stderr=settings.log_to_stderr)
    name_process("proxy")
    _allow_many_connections()
    "a.test".encode("idna")  # what it imports may be out of reach for who we are from now on
    give_up()
    trio.run(_serve, settings, door, manager)
    return 0


async def _serve(settings: ProxySettings, listener: socket.socket, manager: ServiceManager) -> None:
    door = Door(settings)
    listener.setblocking(False)
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(door.serve, trio.socket.from_stdlib_socket(listener))
            _log.info("proxy ready", mode=settings.policy.mode, allow=list(settings.policy.allow))
            manager.ready("serving")
            nursery.start_soon(manager.report, lambda: "serving")
            nursery.start_soon(keep_small)
            async for _ in signals:
                nursery.cancel_scope.cancel()


def open_door(path: Path) -> socket.socket:
    """Bound and listening, for this user alone; whoever calls it knows that no other server uses the path.

    Made by the parent, once: sessions have this very socket mounted into their view, and a new one at the same path
    would be another."""
    path.unlink(missing_ok=True)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.bind(str(path))
    path.chmod(0o600)
    sock.listen(_BACKLOG)
    return sock


def _allow_many_connections() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
