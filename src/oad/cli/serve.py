"""``oad serve``: check everything that can be checked, listen, and hand over to the parent."""

import contextlib
import os
import socket
import sys
from pathlib import Path

import msgspec
import setproctitle
import structlog

from oad.daemon.instance_lock import PARENT_LOCK, AlreadyRunning, InstanceLock
from oad.daemon.telemetry.starts import forget_starts
from oad.logs import configure_logs, name_process
from oad.proxy.main import open_door
from oad.service_manager import ServiceManager, take_service_manager

from .credential import (
    CredentialUnreadable,
    configured_credential,
    generated_credential,
)
from .exit_status import FAILED, USAGE
from .greeting import Address, greeting
from .heartbeats import Heartbeats
from .listener import CannotListen, base_url, is_loopback, open_listeners
from .mdns import Announcement, check_library
from .own_secrets import hide_secrets
from .parent import Parent
from .places import Places, UnsafePlace, find_places
from .programs import Plan, make_programs, preload
from .refusal import Refused, refuse
from .server_config import ServerConfig
from .settings.keys import OPTIONS
from .settings.layers import Option
from .settings.load import Loaded, find_sources, load_settings, parse_settings
from .settings.origin import BadConfig
from .users import read_users

_log = structlog.get_logger("oad.serve")


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
    mdns: bool | None = None
    mdns_domain: str | None = None
    settings: tuple[str, ...] = ()  # SECTION.KEY=VALUE

    def given(self) -> list[Option]:
        """Raises BadConfig."""
        values = (self.host, self.port, list(self.cors), self.gateways, self.log_level, self.mdns, self.mdns_domain)
        named = zip(OPTIONS.items(), values, strict=True)
        return [
            *parse_settings(self.settings),
            *(Option(name, key, value) for (key, name), value in named if value not in (None, "", [])),
        ]


def serve(options: ServeOptions) -> int:
    """Returns the exit status: 0 after an orderly stop, 1 if it could not start or had to give up, 2 for wrong use."""
    try:
        with contextlib.ExitStack() as held:
            manager = take_service_manager(os.environ)
            return _run(*_plan(options, held), manager)
    except (Refused, BadConfig) as error:
        return refuse(str(error), USAGE)
    except AlreadyRunning as error:
        return refuse(str(error), FAILED)
    except (CannotListen, UnsafePlace, CredentialUnreadable, OSError) as error:
        return refuse(f"can't start: {error}", FAILED)


def _plan(options: ServeOptions, held: contextlib.ExitStack) -> tuple[Plan, Address]:
    """Everything that can go wrong, in the order in which its message helps most. ``held`` is what lasts until the end
    of the server."""
    sources = find_sources(options.config, os.environ, options.given())
    loaded = load_settings(sources)
    settings, config = loaded.settings, loaded.settings.server
    host = _host(loaded)
    configured = configured_credential(os.environ)
    if options.no_auth and not configured and not is_loopback(host):
        why = " (which mdns stands for; give a --hostname, or --no-mdns)" if host != config.hostname else ""
        raise Refused(f"--no-auth is possible on loopback only, not on {host}{why}: anybody could run commands here")
    if config.mdns and not is_loopback(host):
        check_library()
    places = find_places(options.data_dir)
    _take_data(places, held)
    credential = configured
    if not configured and not options.no_auth:
        credential = generated_credential(places.credential_file)
    users = read_users(config.users_file)
    if users and options.no_auth:
        raise Refused("--no-auth and [server] users_file contradict each other: everybody would be let in")
    credential = msgspec.structs.replace(credential, users=users)
    listeners = open_listeners(host, config.port)
    for listener in listeners:
        held.enter_context(listener)
    door = held.enter_context(open_door(places.proxy_socket))
    print_logs = options.print_logs or _is_set("OPENCODE_PRINT_LOGS")
    # It forks, so it starts no thread: its children rotate the file.
    configure_logs(config.log_level, file=places.log_file, stderr=print_logs, repeats=settings.logs.repeats)
    name_process("serve")
    loopback = is_loopback(host)
    announcement = _announcement(config, listeners[0])
    plan = Plan(
        announcement=announcement,
        places=places,
        config=config,
        policy=settings.policy(),
        credential=credential,
        listeners=tuple(listeners),
        door=door,
        loopback=loopback,
        print_logs=print_logs,
        log_file=places.log_file,
        sources=sources,
        users_file=config.users_file,
        drain_s=config.drain_s or 0.0,
    )
    return plan, Address(base_url(listeners[0]), host, loopback, announcement.name if announcement else "")


def _host(loaded: Loaded) -> str:
    """Who wants to be found by others wants to be reached by them, unless some address was named."""
    config = loaded.settings.server
    named = ("server", "hostname") in loaded.origins
    return "0.0.0.0" if config.mdns and not named else config.hostname  # noqa: S104


def _announcement(config: ServerConfig, listener: socket.socket) -> Announcement | None:
    host, port = listener.getsockname()[:2]
    if not config.mdns:
        return None
    if is_loopback(host):
        text = f"mdns: not announced, since no other host reaches {host}; give another hostname, or none"
        _log.warning(text)
        print(f"oad: {text}", file=sys.stderr, flush=True)
        return None
    return Announcement(host, port, config.mdns_domain)


def _is_set(variable: str) -> bool:
    return os.environ.get(variable, "").lower() in ("1", "true")


def _take_data(places: Places, held: contextlib.ExitStack) -> None:
    """Raises AlreadyRunning, OSError."""
    places.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    with InstanceLock(places.data):  # the daemon takes this one for good; this is for a clear line at once
        held.enter_context(InstanceLock(places.data, PARENT_LOCK))
    places.runtime.mkdir(parents=True, exist_ok=True, mode=0o700)
    forget_starts(places.runtime)


def _run(plan: Plan, address: Address, manager: ServiceManager) -> int:
    plan = msgspec.structs.replace(plan, secret_environment=hide_secrets(plan.credential))
    preload()
    plan.places.address_file.write_text(address.url + "\n")
    print("\n".join(greeting(address, plan.credential, plan.places, plan.policy.network)), flush=True)
    setproctitle.setproctitle(f"oad serve {address.url}")
    try:
        with Heartbeats(plan.places.runtime / "beats.sock", plan.config.watchdog_s) as heartbeats:
            told = ServiceManager(heartbeats.address if heartbeats.limit_s else "", heartbeats.limit_s)
            programs = make_programs(msgspec.structs.replace(plan, manager=told))
            log_file = str(plan.places.log_file)
            parent = Parent(programs, log_file=log_file, drain_s=plan.drain_s, manager=manager, heartbeats=heartbeats)
            return parent.run(f"serving {address.url}")
    finally:
        with contextlib.suppress(OSError):  # its disk may have become read-only; who reads it asks the lock first
            plan.places.address_file.unlink(missing_ok=True)
