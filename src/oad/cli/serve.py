"""``oad serve``: check everything that can be checked, listen, and hand over to the parent."""

import functools
import os
import socket
import sys
from pathlib import Path
from typing import Final

import msgspec
import setproctitle

from oad import __version__
from oad.logs import LEVELS, configure_logs

from .credential import Credential, configured_credential, generated_credential
from .listener import CannotListen, base_url, is_loopback, open_listener
from .parent import FATAL_STATUS, Parent, Program
from .places import Places, UnsafePlace, find_places
from .server_config import BadConfig, ServerConfig, load_server_config

USAGE_STATUS: Final = 2


class ServeOptions(msgspec.Struct, frozen=True):
    """The command line; None is "not given"."""

    host: str | None = None
    port: int | None = None
    cors: tuple[str, ...] = ()
    data_dir: Path | None = None
    config: Path | None = None
    gateways: int | None = None
    no_auth: bool = False
    print_logs: bool = False
    log_level: str | None = None


class Refused(Exception):
    """The server can't start as asked; the text is for the person who asked."""


def serve(options: ServeOptions) -> int:
    """Returns the exit status: 0 after an orderly stop, 1 if it could not start or had to give up, 2 for wrong use."""
    try:
        places = find_places(options.data_dir)
        config = load_server_config(options.config)
        host = options.host or config.hostname or "127.0.0.1"
        credential = _credential(options, host, places)
        listener = open_listener(host, options.port if options.port is not None else config.port or 0)
    except Refused as error:
        return _refuse(str(error), USAGE_STATUS)
    except BadConfig as error:
        return _refuse(str(error), USAGE_STATUS)
    except (CannotListen, UnsafePlace, OSError) as error:
        return _refuse(f"can't start: {error}", 1)
    return _run(options, config, places, credential, listener, host)


def _refuse(text: str, status: int) -> int:
    print(f"oad: {text}", file=sys.stderr)
    return status


def _credential(options: ServeOptions, host: str, places: Places) -> Credential:
    configured = configured_credential(os.environ)
    if configured:
        return configured
    if options.no_auth:
        if not is_loopback(host):
            raise Refused(f"--no-auth is possible on loopback only, not on {host}: anybody could run commands here")
        return Credential()
    return generated_credential(places.credential_file)


def _run(
    options: ServeOptions,
    config: ServerConfig,
    places: Places,
    credential: Credential,
    listener: socket.socket,
    host: str,
) -> int:
    level = (options.log_level or config.log_level or "info").lower()
    if level not in LEVELS:
        return _refuse(f"unknown log level {level}: one of {', '.join(LEVELS)}", USAGE_STATUS)
    try:
        _prepare(places)
    except AlreadyServing as error:
        return _refuse(str(error), 1)
    configure_logs(level, file=places.log_file, to_stderr=options.print_logs)
    _preload()
    gateway = Gateway(
        descriptor=listener.fileno(),
        places=places,
        credential=credential,
        cors=(*options.cors, *config.cors),
        loopback=is_loopback(host),
        body_limit=(config.body_limit_mb or 32) * 1024 * 1024,
        log_level=level,
    )
    programs = [Program("daemon", lambda: _daemon(places, config, level))]
    for number in range(options.gateways or config.gateways or 1):
        name = f"gateway-{number}"
        programs.append(Program(name, functools.partial(_gateway, name, gateway)))
    url = base_url(listener)
    places.address_file.write_text(url + "\n")
    _greet(url, credential, places, host)
    setproctitle.setproctitle(f"oad serve {url}")
    try:
        return Parent(programs).run()
    finally:
        places.address_file.unlink(missing_ok=True)


class AlreadyServing(Exception):
    pass


def _prepare(places: Places) -> None:
    from oad.daemon.instance_lock import AlreadyRunning, InstanceLock

    places.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    places.runtime.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        with InstanceLock(places.data):  # the daemon takes it for good; this is for a clear line at once
            return
    except AlreadyRunning as error:
        raise AlreadyServing(str(error)) from error


def _preload() -> None:
    """What all children use is imported once, here, and its memory shared by them."""
    import structlog  # noqa: F401
    import trio  # noqa: F401
    import zmq  # noqa: F401

    import oad.link  # noqa: F401


def _daemon(places: Places, config: ServerConfig, level: str) -> int:
    setproctitle.setproctitle("oad-daemon")
    from oad.daemon.credentials import CredentialsUnreadable
    from oad.daemon.instance_lock import AlreadyRunning
    from oad.daemon.main import run_daemon
    from oad.daemon.schema import SchemaTooNew
    from oad.daemon.settings import DaemonSettings

    settings = DaemonSettings(
        data=places.data,
        runtime=places.runtime,
        log_level=level,
        idle_worker_s=config.idle_worker_s if config.idle_worker_s is not None else 300.0,
    )
    try:
        run_daemon(settings)
    except (AlreadyRunning, SchemaTooNew, CredentialsUnreadable) as error:
        return _refuse(str(error), FATAL_STATUS)
    return 0


class Gateway(msgspec.Struct, frozen=True):
    """What all gateways of a server have in common."""

    descriptor: int
    places: Places
    credential: Credential
    cors: tuple[str, ...]
    loopback: bool
    body_limit: int
    log_level: str


def _gateway(name: str, shared: Gateway) -> int:
    setproctitle.setproctitle("oad-gateway")
    from oad.gateway.main import run_gateway
    from oad.gateway.settings import Credentials, GatewaySettings

    run_gateway(
        GatewaySettings(
            name=name,
            descriptor=shared.descriptor,
            daemon_endpoint=f"ipc://{shared.places.runtime / 'daemon.sock'}",
            runtime_dir=str(shared.places.runtime),
            cwd=str(Path.cwd()),
            credentials=Credentials(shared.credential.username, shared.credential.password, shared.credential.token),
            cors_origins=shared.cors,
            loopback=shared.loopback,
            body_limit=shared.body_limit,
            log_level=shared.log_level,
        )
    )
    return 0


def _greet(url: str, credential: Credential, places: Places, host: str) -> None:
    print(f"oad {__version__} listening on {url}")
    if not credential:
        print("authentication is OFF (--no-auth): every program on this host may run commands through it")
        print(f"  opencode attach {url}")
    elif credential.token and credential.token == credential.password:
        file = places.credential_file
        print(f"credential: {file} (user {credential.username}; print it with: oad token)")
        print(f'  opencode attach {url} -p "$(cat {file})"')
        print(f'  curl -u "{credential.username}:$(cat {file})" {url}/global/health')
    else:
        print("credential: as configured in the environment")
        print(f'  opencode attach {url} -u {credential.username} -p "$OPENCODE_SERVER_PASSWORD"')
    if not is_loopback(host):
        print(f"reachable from other hosts on {host}: use TLS in front of it")
    sys.stdout.flush()
