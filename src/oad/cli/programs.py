"""The programs that the parent runs: the daemon, the gateways and the filtering proxy, each in a fork."""

import functools
import importlib
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Final

import msgspec
import setproctitle

from oad.contract.policy import Policy
from oad.daemon import procs
from oad.service_manager import ServiceManager

from .credential import Credential
from .parent import FATAL_STATUS, Program
from .places import Places
from .server_config import BadConfig, ServerConfig, load_server_config

_NOBODY: Final = 65534  # on every Linux


class Plan(msgspec.Struct, frozen=True):
    """All that was decided before the first fork."""

    places: Places
    config: ServerConfig
    policy: Policy
    credential: Credential
    listeners: tuple[socket.socket, ...]
    door: socket.socket | None  # of the filtering proxy; it outlives each proxy
    loopback: bool
    cors: tuple[str, ...]
    gateways: int
    log_level: str
    print_logs: bool
    log_file: Path | None
    secret_environment: dict[str, str] = {}
    config_file: Path | None = None
    manager: ServiceManager = ServiceManager()


def preload() -> None:
    """What all children use is imported once, here, and its memory shared by them."""
    for module in ("structlog", "trio", "zmq", "oad.link"):
        importlib.import_module(module)


def make_programs(plan: Plan) -> list[Program]:
    programs = [Program("daemon", functools.partial(run_daemon_of, plan))]
    for number in range(plan.gateways):
        name = f"gateway-{number}"
        programs.append(Program(name, functools.partial(run_gateway_of, name, plan)))
    # Last to stop: turns end before it. Where no session has an allow list of hosts it is never needed.
    programs.append(Program("proxy", functools.partial(run_proxy_of, plan), door=plan.door))
    return programs


def run_daemon_of(plan: Plan) -> int:
    """Returns the exit status."""
    setproctitle.setproctitle("oad-daemon")
    for listener in (*plan.listeners, plan.door):
        if listener is not None:
            listener.close()
    from oad.daemon.credentials import CredentialsUnreadable
    from oad.daemon.enforceable import NotEnforceable
    from oad.daemon.instance_lock import AlreadyRunning
    from oad.daemon.main import run_daemon
    from oad.daemon.schema import SchemaTooNew
    from oad.daemon.settings import DaemonSettings

    idle = plan.config.idle_worker_s
    settings = DaemonSettings(
        data=plan.places.data,
        runtime=plan.places.runtime,
        log_level=plan.log_level,
        log_file=plan.log_file,
        log_to_stderr=plan.print_logs,
        policy=plan.policy,
        secret_environment=plan.secret_environment,
        idle_worker_s=300.0 if idle is None else idle,
    )
    try:
        run_daemon(settings, functools.partial(_reread, plan.config_file), plan.manager)
    except (AlreadyRunning, NotEnforceable, SchemaTooNew, CredentialsUnreadable) as error:
        print(f"oad: {error}", file=sys.stderr)
        return FATAL_STATUS
    return 0


def _reread(file: Path | None) -> Policy:
    from oad.daemon.reload import PolicyUnreadable

    try:
        return load_server_config(file)[1]
    except BadConfig as error:
        raise PolicyUnreadable(str(error)) from error


def run_gateway_of(name: str, plan: Plan) -> int:
    """Returns the exit status."""
    setproctitle.setproctitle("oad-gateway")
    if plan.door is not None:
        plan.door.close()
    from oad.gateway.main import run_gateway
    from oad.gateway.settings import Credentials, GatewaySettings

    descriptors = tuple(listener.detach() for listener in plan.listeners)
    run_gateway(
        GatewaySettings(
            name=name,
            descriptor=descriptors[0],
            more_descriptors=descriptors[1:],
            daemon_endpoint=f"ipc://{plan.places.runtime / 'daemon.sock'}",
            runtime_dir=str(plan.places.runtime),
            cwd=str(Path.cwd()),
            credentials=Credentials(plan.credential.username, plan.credential.password, plan.credential.token),
            cors_origins=plan.cors,
            loopback=plan.loopback,
            allowed_hosts=tuple(plan.config.hosts),
            forwarding=plan.config.forwarding(),
            body_limit=(plan.config.body_limit_mb or 32) * 1024 * 1024,
            log_level=plan.log_level,
        ),
        plan.manager,
    )
    return 0


def run_proxy_of(plan: Plan) -> int:
    """Returns the exit status."""
    assert plan.door is not None
    setproctitle.setproctitle("oad-proxy")
    for listener in plan.listeners:
        listener.close()
    from oad.proxy.main import run_proxy
    from oad.proxy.settings import ProxySettings

    settings = ProxySettings(
        policy=plan.policy.network,
        log_level=plan.log_level,
        log_file=plan.log_file,
        log_to_stderr=plan.print_logs,
    )
    return run_proxy(settings, plan.door, functools.partial(_become_nobody, os.getppid()))


def _become_nobody(parent: int) -> None:
    """The proxy reads what strangers send. As root it would do so with rights that it has no use for."""
    if os.geteuid() != 0:
        return
    os.setgroups([])
    os.setgid(_NOBODY)
    os.setuid(_NOBODY)
    procs.die_with_parent(signal.SIGKILL)  # which the kernel forgets when a process becomes somebody else
    procs.hide_memory()
    if os.getppid() != parent:
        sys.exit(1)
