"""``oad unit``: one process of the service, as a unit of systemd runs it. Who restarts it is systemd's business.

Places come from StateDirectory= and RuntimeDirectory=, sockets from socket units, the gateways' credential from
LoadCredential=, and readiness and heartbeats go where NOTIFY_SOCKET says.
"""

import os
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from oad.contract.credential import Credential
from oad.daemon.instance_lock import AlreadyRunning
from oad.logs import configure_logs, name_process
from oad.proxy.main import open_door
from oad.service_manager import ServiceManager, take_service_manager

from .activation import take_listeners
from .credential import CredentialUnreadable, configured_credential, generated_credential, read_secret
from .exit_status import FAILED, USAGE
from .listener import CannotListen, is_loopback, open_listeners
from .own_secrets import hide_secrets
from .places import Places, UnsafePlace, find_places
from .programs import Plan, preload, run_daemon_of, run_gateway_of, run_proxy_of
from .refusal import Refused, refuse
from .server_config import ServerConfig
from .settings.load import find_sources, load_settings, parse_settings
from .settings.origin import BadConfig
from .users import read_users

PROGRAMS: Final = ("daemon", "gateway", "proxy")
_DRAIN_S: Final = 30.0  # who stops a service does not stand by and wait, as one who presses Ctrl-C does
CREDENTIAL: Final = "credential"  # its name for LoadCredential=
USERS: Final = "users"  # the same, of the file with users


class UnitOptions(msgspec.Struct, frozen=True):
    """``program`` is one of PROGRAMS; ``name`` tells gateways apart in logs."""

    program: str
    name: str = ""
    config: Path | None = None
    data_dir: Path | None = None
    settings: tuple[str, ...] = ()  # SECTION.KEY=VALUE


def run_unit(options: UnitOptions) -> int:
    """Returns the exit status: 0 after an orderly stop, 1 if it could not start, 2 for a wrong configuration."""
    manager = take_service_manager(os.environ)
    passed = take_listeners(os.environ)
    try:
        return _run(options, _plan(options, passed, manager))
    except (Refused, BadConfig) as error:
        return refuse(str(error), USAGE)
    except (AlreadyRunning, CannotListen, UnsafePlace, CredentialUnreadable, OSError) as error:
        return refuse(f"can't start: {error}", FAILED)


def _plan(options: UnitOptions, passed: Sequence[socket.socket], manager: ServiceManager) -> Plan:
    if options.program not in PROGRAMS:
        raise Refused(f"there is no program {options.program}: one of {', '.join(PROGRAMS)}")
    sources = find_sources(options.config, os.environ, parse_settings(options.settings), service=True)
    settings = load_settings(sources).settings
    config = settings.server
    places = find_places(options.data_dir)
    if config.mdns and options.program == "gateway":
        print("oad: [server] mdns: `oad serve` announces itself, units do not", file=sys.stderr, flush=True)
    configure_logs(config.log_level, file=None, stderr=True, repeats=settings.logs.repeats)
    name_process(options.program, name=options.name)
    places.runtime.mkdir(parents=True, exist_ok=True, mode=0o700)
    listeners = _listeners(config, passed) if options.program == "gateway" else ()
    users_file = _users_file(options.program, config)
    users = read_users(users_file)
    return Plan(
        places=places,
        config=config,
        policy=settings.policy(),
        credential=msgspec.structs.replace(_credential(options.program, places), users=users),
        listeners=tuple(listeners),
        door=_door(places, passed) if options.program == "proxy" else None,
        loopback=all(_is_local(listener) for listener in listeners),
        print_logs=True,
        log_file=None,  # the journal has it
        sources=sources,
        manager=manager,
        users_file=users_file,
        drain_s=_DRAIN_S if config.drain_s is None else config.drain_s,
    )


def _listeners(config: ServerConfig, passed: Sequence[socket.socket]) -> Sequence[socket.socket]:
    return passed or open_listeners(config.hostname, config.port)


def _door(places: Places, passed: Sequence[socket.socket]) -> socket.socket:
    return passed[0] if passed else open_door(places.proxy_socket)


def _is_local(listener: socket.socket) -> bool:
    return listener.family == socket.AF_UNIX or is_loopback(str(listener.getsockname()[0]))


def _credential(program: str, places: Places) -> Credential:
    """The daemon makes it; gateways are shown it, and must not run without one. Raises Refused."""
    configured = configured_credential(os.environ)
    if configured or program == "proxy":
        return configured
    if program == "daemon":
        return generated_credential(places.credential_file)
    shown = os.environ.get("CREDENTIALS_DIRECTORY")
    secret = read_secret(Path(shown, CREDENTIAL) if shown else places.credential_file)
    if secret is None:
        raise Refused("there is no credential to demand of clients: start the daemon once, which makes it")
    return Credential(password=secret, token=secret)


def _users_file(program: str, config: ServerConfig) -> str:
    """Gateways alone need to know them."""
    shown = Path(os.environ.get("CREDENTIALS_DIRECTORY", "/nowhere"), USERS)
    return (str(shown) if shown.exists() else config.users_file) if program == "gateway" else ""


def _run(options: UnitOptions, plan: Plan) -> int:
    plan = msgspec.structs.replace(plan, secret_environment=hide_secrets(plan.credential))
    preload()
    if options.program == "daemon":
        return run_daemon_of(plan)
    if options.program == "proxy":
        return run_proxy_of(plan)
    return run_gateway_of(options.name or f"gateway-{os.getpid()}", plan)
