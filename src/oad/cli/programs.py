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
import structlog

from oad.contract.credential import Credential
from oad.contract.policy import Policy
from oad.daemon import procs
from oad.heap import use_one_heap
from oad.logs import Rotation, configure_logs, name_process
from oad.service_manager import ServiceManager

from .mdns import Announcement, announce
from .parent import FATAL_STATUS, Program
from .places import Places
from .refusal import Refused
from .server_config import ServerConfig
from .settings.load import Sources, load_settings
from .settings.origin import BadConfig
from .users import read_users

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
    print_logs: bool
    log_file: Path | None
    secret_environment: dict[str, str] = {}
    sources: Sources = Sources()
    manager: ServiceManager = ServiceManager()
    users_file: str = ""  # which gateways read, now and at a reload
    announcement: Announcement | None = None  # in the local network
    drain_s: float = 0.0  # at a stop, for running turns to end by themselves


def preload() -> None:
    """What all children use is imported once, here, and its memory shared by them."""
    use_one_heap()
    for module in ("structlog", "trio", "zmq", "oad.link"):
        importlib.import_module(module)


def make_programs(plan: Plan) -> list[Program]:
    programs = [Program("daemon", functools.partial(run_daemon_of, plan))]
    for number in range(plan.config.gateways):
        name = f"gateway-{number}"
        programs.append(Program(name, functools.partial(run_gateway_of, name, plan)))
    if plan.announcement is not None:
        programs.append(Program("mdns", functools.partial(run_mdns_of, plan, plan.announcement)))
    # Last to stop: turns end before it. Where no session has an allow list of hosts it is never needed.
    programs.append(Program("proxy", functools.partial(run_proxy_of, plan), door=plan.door))
    return programs


def _begin_logs(kind: str, plan: Plan, name: str = "") -> None:
    """Of a process that was forked, or of a unit: lines name who has written them, and the file is opened anew."""
    storage, repeats = plan.policy.storage, plan.policy.logs.repeats
    rotation = Rotation(storage.log_mb, storage.log_files)
    level = plan.config.log_level
    try:
        configure_logs(level, file=plan.log_file, stderr=plan.print_logs, repeats=repeats, rotation=rotation)
    except OSError as error:  # such as a read-only disk: no reason for a gateway not to start
        configure_logs(level, file=None, stderr=True, repeats=repeats)
        structlog.get_logger("oad.logs").warning("the log file can't be written", error=str(error))
    name_process(kind, name=name)


def run_daemon_of(plan: Plan) -> int:
    """Returns the exit status."""
    setproctitle.setproctitle("oad-daemon")
    from oad.daemon.disk_wait import await_disk

    await_disk(plan.places.data, plan.manager)
    _begin_logs("daemon", plan)
    for listener in (*plan.listeners, plan.door):
        if listener is not None:
            listener.close()
    from oad.daemon.credentials import CredentialsUnreadable
    from oad.daemon.enforceable import NotEnforceable
    from oad.daemon.instance_lock import AlreadyRunning
    from oad.daemon.main import run_daemon
    from oad.daemon.migration import SchemaTooNew, StoreUnusable
    from oad.daemon.settings import DaemonSettings
    from oad.daemon.tracing.tracer import TracingUnavailable

    settings = DaemonSettings(
        data=plan.places.data,
        runtime=plan.places.runtime,
        log_level=plan.config.log_level,
        log_file=plan.log_file,
        log_to_stderr=plan.print_logs,
        policy=plan.policy,
        secret_environment=plan.secret_environment,
        idle_worker_s=plan.config.idle_worker_s,
        max_worker_age_s=plan.config.max_worker_age_s,
        drain_s=plan.drain_s,
    )
    fatal = (AlreadyRunning, NotEnforceable, SchemaTooNew, StoreUnusable, CredentialsUnreadable, TracingUnavailable)
    try:
        run_daemon(settings, functools.partial(_reread, plan), plan.manager)
    except fatal as error:
        print(f"oad: {error}", file=sys.stderr)
        return FATAL_STATUS
    return 0


def _reread(plan: Plan) -> Policy:
    """Raises PolicyUnreadable."""
    from oad.daemon.reload import PolicyUnreadable

    try:
        settings = load_settings(plan.sources).settings
    except BadConfig as error:
        raise PolicyUnreadable("; ".join(map(str, error.problems))) from error
    if settings.server != plan.config:
        structlog.get_logger("oad.reload").warning("changed, but in force only after a restart", sections=["server"])
    return settings.policy()


def run_gateway_of(name: str, plan: Plan) -> int:
    """Returns the exit status."""
    setproctitle.setproctitle("oad-gateway")
    _begin_logs("gateway", plan, name)
    if plan.door is not None:
        plan.door.close()
    from oad.gateway.main import run_gateway
    from oad.gateway.settings import GatewaySettings

    descriptors = tuple(listener.detach() for listener in plan.listeners)
    run_gateway(
        GatewaySettings(
            name=name,
            descriptor=descriptors[0],
            more_descriptors=descriptors[1:],
            daemon_endpoint=f"ipc://{plan.places.runtime / 'daemon.sock'}",
            runtime_dir=str(plan.places.runtime),
            cwd=str(Path.cwd()),
            credentials=plan.credential,
            cors_origins=plan.config.cors,
            loopback=plan.loopback,
            allowed_hosts=plan.config.hosts,
            forwarding=plan.config.forwarding(),
            body_limit=plan.config.body_limit_mb * 1024 * 1024,
            log_level=plan.config.log_level,
        ),
        plan.manager,
        functools.partial(_reread_users, plan),
    )
    return 0


def _reread_users(plan: Plan) -> dict[str, str]:
    """Raises UsersUnreadable."""
    from oad.gateway.users import UsersUnreadable

    try:
        users = read_users(plan.users_file)
    except Refused as error:
        raise UsersUnreadable(str(error)) from error
    if users and not plan.credential:
        raise UsersUnreadable("there is no authentication (--no-auth): everybody is let in anyway")
    return users


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
        log_level=plan.config.log_level,
        log_file=plan.log_file,
        log_to_stderr=plan.print_logs,
    )
    return run_proxy(settings, plan.door, functools.partial(_become_nobody, os.getppid()), plan.manager)


def run_mdns_of(plan: Plan, announcement: Announcement) -> int:
    """Returns the exit status."""
    setproctitle.setproctitle("oad-mdns")
    _begin_logs("mdns", plan)
    for listener in (*plan.listeners, plan.door):
        if listener is not None:
            listener.close()
    _become_nobody(os.getppid())
    return announce(announcement)


def _become_nobody(parent: int) -> None:
    """For who reads what strangers send: as root it would do so with rights that it has no use for."""
    if os.geteuid() != 0:
        return
    os.setgroups([])
    os.setgid(_NOBODY)
    os.setuid(_NOBODY)
    procs.die_with_parent(signal.SIGKILL)  # which the kernel forgets when a process becomes somebody else
    procs.hide_memory()
    if os.getppid() != parent:
        sys.exit(1)
