"""``oad serve``: check everything that can be checked, listen, and hand over to the parent."""

import contextlib
import os
from pathlib import Path

import msgspec
import setproctitle

from oad.daemon.instance_lock import PARENT_LOCK, AlreadyRunning, InstanceLock
from oad.logs import LEVELS, configure_logs
from oad.proxy.main import open_door
from oad.service_manager import ServiceManager, take_service_manager

from .credential import (
    CredentialUnreadable,
    configured_credential,
    generated_credential,
)
from .exit_status import FAILED, USAGE
from .greeting import Address, greeting
from .listener import CannotListen, base_url, is_loopback, open_listeners
from .own_secrets import hide_secrets
from .parent import Parent
from .places import Places, UnsafePlace, find_places
from .programs import Plan, make_programs, preload
from .refusal import Refused, refuse
from .server_config import BadConfig, ServerConfig, load_server_config


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
    config, policy = load_server_config(options.config)
    level = _level(options, config)
    host = options.host or config.hostname or "127.0.0.1"
    configured = configured_credential(os.environ)
    if options.no_auth and not configured and not is_loopback(host):
        raise Refused(f"--no-auth is possible on loopback only, not on {host}: anybody could run commands here")
    places = find_places(options.data_dir)
    _take_data(places, held)
    credential = configured
    if not configured and not options.no_auth:
        credential = generated_credential(places.credential_file)
    listeners = open_listeners(host, options.port if options.port is not None else config.port or 0)
    for listener in listeners:
        held.enter_context(listener)
    door = held.enter_context(open_door(places.proxy_socket))
    print_logs = options.print_logs or _is_set("OPENCODE_PRINT_LOGS")
    configure_logs(level, file=places.log_file, to_stderr=print_logs)
    loopback = is_loopback(host)
    plan = Plan(
        places=places,
        config=config,
        policy=policy,
        credential=credential,
        listeners=tuple(listeners),
        door=door,
        loopback=loopback,
        cors=(*options.cors, *config.cors),
        gateways=options.gateways or config.gateways or 1,
        log_level=level,
        print_logs=print_logs,
        log_file=places.log_file,
        config_file=options.config,
        drain_s=config.drain_s or 0.0,
    )
    return plan, Address(base_url(listeners[0]), host, loopback)


def _level(options: ServeOptions, config: ServerConfig) -> str:
    level = (options.log_level or config.log_level or os.environ.get("OPENCODE_LOG_LEVEL") or "info").lower()
    if level not in LEVELS:
        raise Refused(f"unknown log level {level}: one of {', '.join(LEVELS)}")
    return level


def _is_set(variable: str) -> bool:
    return os.environ.get(variable, "").lower() in ("1", "true")


def _take_data(places: Places, held: contextlib.ExitStack) -> None:
    """Raises AlreadyRunning, OSError."""
    places.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    with InstanceLock(places.data):  # the daemon takes this one for good; this is for a clear line at once
        held.enter_context(InstanceLock(places.data, PARENT_LOCK))
    places.runtime.mkdir(parents=True, exist_ok=True, mode=0o700)


def _run(plan: Plan, address: Address, manager: ServiceManager) -> int:
    plan = msgspec.structs.replace(plan, secret_environment=hide_secrets(plan.credential))
    preload()
    plan.places.address_file.write_text(address.url + "\n")
    print("\n".join(greeting(address, plan.credential, plan.places, plan.policy.network)), flush=True)
    setproctitle.setproctitle(f"oad serve {address.url}")
    try:
        log_file = str(plan.places.log_file)
        parent = Parent(make_programs(plan), log_file=log_file, drain_s=plan.drain_s, manager=manager)
        return parent.run(f"serving {address.url}")
    finally:
        plan.places.address_file.unlink(missing_ok=True)
