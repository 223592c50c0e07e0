"""The proxy's main function."""

import resource
import signal
import socket

import structlog
import trio

from oad.logs import configure_logs

from .door import Door
from .settings import ProxySettings

_log = structlog.get_logger("oad.proxy")
_BACKLOG = 256


def run_proxy(settings: ProxySettings) -> int:
    """Serves until SIGTERM or SIGINT; returns the exit status. Raises BadRule, OSError.

    It keeps nothing that a restart would lose: sessions bring their listening sockets again, and what was waiting in
    them is still there."""
    configure_logs(settings.log_level, file=settings.log_file, to_stderr=settings.log_to_stderr)
    _allow_many_connections()
    trio.run(_serve, settings)
    return 0


async def _serve(settings: ProxySettings) -> None:
    door = Door(settings)
    with open_door(settings) as listener, trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(door.serve, listener)
            _log.info("proxy ready", mode=settings.policy.mode, allow=list(settings.policy.allow))
            async for _ in signals:
                nursery.cancel_scope.cancel()


def open_door(settings: ProxySettings) -> trio.socket.SocketType:
    """Bound and listening, for this user alone. The lock on the data directory proves that no other proxy lives."""
    settings.runtime.mkdir(parents=True, exist_ok=True, mode=0o700)
    settings.socket.unlink(missing_ok=True)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.bind(str(settings.socket))
    settings.socket.chmod(0o600)
    sock.listen(_BACKLOG)
    sock.setblocking(False)
    return trio.socket.from_stdlib_socket(sock)


def _allow_many_connections() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
