"""The gateway process: from settings to a server, and its orderly end."""

import os
import signal
import threading
from typing import Final, cast

import setproctitle
import trio
from hypercorn.config import Config
from hypercorn.trio import serve  # pyright: ignore[reportUnknownVariableType]
from hypercorn.typing import ASGIFramework

from oad.contract.wire import Origin
from oad.heap import keep_small
from oad.service_manager import ServiceManager

from .app import build_app
from .asgi import App
from .auth import Authenticator
from .cors import CrossOrigin
from .exchange import Exchange
from .fast_lane import FastLane
from .forwarded import Outside
from .front import Front
from .hosts import HostGuard
from .idle_connections import close_promptly
from .link import DaemonLink
from .logins import LoginReports
from .probes import Probes
from .quiet_sockets import PING_S, ping_quiet_sockets
from .routes import TABLE
from .settings import GatewaySettings
from .sse import EventStreams
from .terminal_socket import TerminalSocket
from .users import Reread, Users

_NO_MANAGER: Final = ServiceManager()
_FOREVER: Final = 10**9
_HARD_END_S: Final = 1.0  # beyond the grace: what still hangs then is abandoned


def build_front(
    settings: GatewaySettings,
    link: DaemonLink,
    stopping: trio.Event,
    logins: LoginReports | None = None,
    users: Users | None = None,
) -> App:
    """Everything behind the listening socket."""
    exchange = Exchange(link, settings.cwd)
    app = cast(App, build_app(exchange, TABLE, settings.body_limit))
    forwarded = [operation for operation in TABLE if operation.target != "gateway"]
    cross_origin = CrossOrigin(settings.cors_origins)
    front = Front(
        FastLane(exchange, forwarded, app, settings.body_limit),
        EventStreams(link.streams, settings.cwd, stopping),
        TerminalSocket(link, stopping),
        Probes(link),
        authenticator=Authenticator(settings.credentials, logins, users),
        cross_origin=cross_origin,
        hosts=HostGuard(cross_origin, loopback=settings.loopback, allowed=settings.allowed_hosts),
    )
    return Outside(settings.forwarding, front) if settings.forwarding else front


def server_config(settings: GatewaySettings) -> Config:
    config = Config()
    config.bind = [f"fd://{number}" for number in (settings.descriptor, *settings.more_descriptors)]
    config.accesslog = None
    config.loglevel = "WARNING"
    config.graceful_timeout = settings.grace_s
    config.keep_alive_timeout = 75.0
    config.keep_alive_max_requests = _FOREVER  # a client that polls must not be cut off after a thousand requests
    config.h11_max_incomplete_size = 64 * 1024  # long headers and targets get an answer rather than a closed connection
    config.include_server_header = False
    config.websocket_ping_interval = PING_S
    return config


async def serve_gateway(settings: GatewaySettings, stopping: trio.Event, users: Users | None = None) -> None:
    """Serves until ``stopping`` is set: streams break off at once, running requests get ``grace_s`` to end. ``users``
    are read anew when the daemon says so."""
    users = users or Users(settings.credentials.users)
    link = DaemonLink(settings, users.reload)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(link.run)
        logins = LoginReports()

        async def tell(params: dict[str, str], origin: Origin) -> None:
            await link.call("oad.login", params, origin=origin)

        nursery.start_soon(logins.run, tell)
        front = cast(ASGIFramework, build_front(settings, link, stopping, logins, users))
        await serve(front, server_config(settings), shutdown_trigger=stopping.wait)
        nursery.cancel_scope.cancel()


async def _obey_signals(stopping: trio.Event, users: Users, manager: ServiceManager) -> None:
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as signals:
        async for number in signals:
            if number == signal.SIGHUP:
                manager.reloading()
                users.reload()
                manager.ready("serving")
            else:
                stopping.set()


async def _main(settings: GatewaySettings, manager: ServiceManager, reread: Reread | None) -> None:
    stopping, users = trio.Event(), Users(settings.credentials.users, reread)
    async with trio.open_nursery() as nursery:
        manager.ready("serving")  # the socket listens already; requests wait for a daemon that is starting
        nursery.start_soon(manager.report, lambda: "stopping" if stopping.is_set() else "serving")
        nursery.start_soon(_obey_signals, stopping, users, manager)
        nursery.start_soon(keep_small)
        nursery.start_soon(_end_hard, stopping, settings.grace_s + _HARD_END_S)
        await serve_gateway(settings, stopping, users)
        nursery.cancel_scope.cancel()


async def _end_hard(stopping: trio.Event, after_s: float) -> None:
    """hypercorn writes in shielded scopes: a reader that has stalled could hold the end up for TCP_USER_TIMEOUT."""
    await stopping.wait()
    timer = threading.Timer(after_s, os._exit, (0,))
    timer.daemon = True
    timer.start()


def run_gateway(settings: GatewaySettings, manager: ServiceManager = _NO_MANAGER, reread: Reread | None = None) -> None:
    """Runs until SIGTERM or SIGINT; ``settings.descriptor`` has been inherited. ``reread`` gives the users that hold
    from a SIGHUP on, here or of the daemon."""
    setproctitle.setproctitle("oad-gateway")
    close_promptly()
    ping_quiet_sockets()
    trio.run(_main, settings, manager, reread)
