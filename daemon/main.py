"""The daemon: put together, run, and taken apart in order."""

import contextlib
import functools
import os
import signal
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any, Final

import msgspec
import structlog
import trio
import zmq

from oad.contract.ids import random_text
from oad.contract.network import describe_policy
from oad.heap import keep_small
from oad.link import TrioSocket, bind_private
from oad.service_manager import ServiceManager

from . import procs
from .asks import Asks
from .audit.happenings import record_event
from .audit.log import AuditLog
from .audit.writer import AuditWriter
from .bookkeeper import Bookkeeper
from .cgroups import Groups, find_delegation
from .confinement import Confiner
from .credentials import Credentials
from .deliveries import Deliveries
from .dispatch import Dispatcher, is_lasting
from .draining import Draining
from .enforceable import check_limits, probe_host
from .gateways import Gateways
from .governor import Governor
from .grouping import GroupingSpawner
from .housekeeping import Housekeeping
from .instance_lock import InstanceLock
from .journal import Journal
from .limits import Limits
from .model_catalogue import ModelCatalogue
from .oauth.known import KNOWN_METHODS
from .oauth.logins import Logins
from .oauth.renewal import Renewal
from .operations.context import Services
from .operations.messages import read_message
from .operations.terminals import ATTACH
from .own_directories import OwnDirectories
from .proxy_record import ProxyRecord
from .register import Register
from .reload import Reload, Reread
from .restart import RestartBudget
from .restoring import finish_restore
from .router import Router, bind_router
from .sandbox_probe import Enforceable
from .sandboxes import Sandboxes
from .sessions import Sessions
from .settings import DaemonSettings
from .snapshot_places import SnapshotPlaces
from .status_line import describe
from .storage import Storage, needs_store
from .store import Store
from .store_upkeep import StoreUpkeep
from .supervisor import Supervisor
from .tally import Tally
from .telemetry.labels import label_known
from .telemetry.processes import ProcessTable
from .telemetry.starts import note_start
from .tracing.tracer import Tracer, check_tracing, close_tracer, open_tracer
from .turns import Turns
from .turnstile.opening import open_turnstile
from .turnstile.recovery import close_waiting
from .worktrees import Worktrees
from .zygote import start_zygote
from .zygote_spawner import ZygoteSpawner

_log = structlog.get_logger("oad.daemon")
_IO_THREADS: Final = 1
_STOPPING: Final = (signal.SIGTERM, signal.SIGINT)
_NO_MANAGER: Final = ServiceManager()


def run_daemon(settings: DaemonSettings, reread: Reread | None = None, manager: ServiceManager = _NO_MANAGER) -> None:
    """Runs until SIGTERM or SIGINT; ``reread`` gives the policy that holds from a SIGHUP on. Raises AlreadyRunning,
    NotEnforceable, SchemaTooNew, StoreUnusable, CredentialsUnreadable, TracingUnavailable,
    OSError."""
    host = probe_host()
    check_limits(settings.policy.limits, host)
    check_tracing(settings.policy.tracing)
    with InstanceLock(settings.data):
        _make_private(settings)
        # Before trio: the zygote must be forked by a process with one thread, and this thread outlives it.
        procs.become_subreaper()  # session inits are born as grandchildren and adopted
        zygote = start_zygote()
        enforceable = Enforceable.find(settings.policy.sandbox)  # forks too, while the zygote imports
        trio.run(_serve, settings, ZygoteSpawner(zygote), enforceable, reread, manager)


def _make_private(settings: DaemonSettings) -> None:
    for directory in (settings.data, settings.runtime, settings.worker_endpoints, settings.scratch):
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    finish_restore(settings.data)
    SnapshotPlaces(settings.data / "snapshots", settings.policy.snapshots).sweep()
    OwnDirectories(settings.scratch).sweep()
    Worktrees(settings.worktrees).sweep()
    for leftover in settings.worker_endpoints.glob("*.sock"):
        leftover.unlink()  # of a daemon that was killed; the lock proves that none lives


async def _serve(
    settings: DaemonSettings,
    spawner: ZygoteSpawner,
    enforceable: Enforceable,
    reread: Reread | None,
    manager: ServiceManager,
) -> None:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context(_IO_THREADS)
    gateways = Gateways(context)
    store = Store(settings.database, keep_copies=settings.policy.storage.migration_copies)
    try:
        async with _services(settings, spawner, context, store, gateways, enforceable) as services:
            async with trio.open_nursery() as telling:
                _notify_ready(settings, enforceable)
                telling.start_soon(manager.report, functools.partial(_describe, services))
                telling.start_soon(keep_small)
                await _obey_signals(services, Reload(settings, services, reread), manager)
                manager.stopping("ending what runs", within_s=settings.shutdown_grace_s * 2)
                await services.supervisor.shut_down()
                await close_tracer(services.tracer)
                telling.cancel_scope.cancel()
            services.audit.note("service.stopped")
    finally:
        context.destroy(linger=200)
        store.close()
        settings.call_endpoint.unlink(missing_ok=True)


async def _obey_signals(services: Services, reload: Reload, manager: ServiceManager) -> None:
    """Until one that says to stop, and what runs has ended by itself or a second one says that it shall not."""
    with trio.open_signal_receiver(*_STOPPING, signal.SIGHUP) as signals:
        manager.ready(_describe(services))
        async for number in signals:
            if number in _STOPPING:
                _log.info("stopping", signal=signal.Signals(number).name)
                break
            manager.reloading()
            reload.run()
            manager.ready(_describe(services))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_cancel_on_signal, signals, nursery.cancel_scope)
            await services.draining.run(services.supervisor, services.turns, manager)
            nursery.cancel_scope.cancel()


async def _cancel_on_signal(signals: AsyncIterator[int], scope: trio.CancelScope) -> None:
    async for number in signals:
        if number in _STOPPING:
            _log.info("not waiting for what runs", signal=signal.Signals(number).name)
            scope.cancel()


def _describe(services: Services) -> str:
    return services.draining.describe() if services.draining.has_begun else describe(services.supervisor)


class _Parts(msgspec.Struct, frozen=True):
    """What runs beside the services that operations use."""

    services: Services
    books: Bookkeeper
    governor: Governor
    decisions: ProxyRecord
    dispatcher: Dispatcher


@contextlib.asynccontextmanager
async def _services(
    settings: DaemonSettings,
    spawner: ZygoteSpawner,
    context: "zmq.Context[zmq.Socket[bytes]]",
    store: Store,
    gateways: Gateways,
    enforceable: Enforceable,
) -> AsyncGenerator[Services]:
    """Everything running, in the order in which it depends on one another."""
    parts = _put_together(settings, spawner, context, store, gateways, enforceable)
    services = parts.services
    async with trio.open_nursery() as nursery:
        nursery.start_soon(services.audit.run)
        nursery.start_soon(services.journal.run)
        await _recover(parts)
        async with trio.open_nursery() as serving:
            serving.start_soon(spawner.run)
            serving.start_soon(services.supervisor.run)
            serving.start_soon(parts.governor.run)
            serving.start_soon(gateways.watch)
            serving.start_soon(parts.decisions.run)
            serving.start_soon(services.renewal.logins.run)
            serving.start_soon(services.chores.run)
            serving.start_soon(services.models.run, services.supervisor.refresh_credentials)
            serving.start_soon(services.turnstile.run)
            serving.start_soon(services.store_upkeep.run)
            serving.start_soon(services.storage.run)
            serving.start_soon(Housekeeping(services).run)
            serving.start_soon(_make_router(settings, context, gateways, parts).run)
            yield services
            serving.cancel_scope.cancel()
        nursery.cancel_scope.cancel()
    services.register.close()


async def _recover(parts: _Parts) -> None:
    services = parts.services
    open = services.store.open_sessions()
    recovered = await parts.books.recover()
    if recovered:
        _log.warning("turns closed that the last daemon left open", sessions=recovered)
    register, sessions, turns = services.register, services.sessions, services.turns
    waited = await close_waiting(register, sessions, turns, services.journal, open)
    if waited:
        _log.warning("prompts given up that waited for the last daemon", sessions=waited)


def _put_together(
    settings: DaemonSettings,
    spawner: ZygoteSpawner,
    context: "zmq.Context[zmq.Socket[bytes]]",
    store: Store,
    gateways: Gateways,
    enforceable: Enforceable,
) -> _Parts:
    """Nothing runs yet."""
    journal, audit = Journal(store, gateways), _open_audit(settings)
    sessions, turns, asks = Sessions(store, journal), Turns(store, journal), Asks(journal)
    limits = Limits(settings.policy.limits, sessions, store, journal, probe_host())
    groups = GroupingSpawner(spawner, _open_groups(), limits)
    books = Bookkeeper(store, journal, sessions, turns, asks, limits, audit)
    tracer = books.tracer = open_tracer(settings.policy.tracing)
    journal.observe = functools.partial(_observe, audit, books.tally, tracer)
    books.tally.restarts["daemon"] = note_start(settings.runtime)
    confiner = Confiner(settings.policy, settings.private, proxy=settings.proxy_socket, worktrees=settings.worktrees)
    sandboxes, decisions = Sandboxes(confiner, enforceable, store, journal), ProxyRecord(audit, settings.proxy_socket)
    sandboxes.on_proxy = decisions.want
    supervisor = Supervisor(settings, groups, context, RestartBudget(), books, sandboxes, gateways.listeners)
    turnstile = open_turnstile(supervisor, sessions, turns, journal, limits)
    credentials = Credentials(settings.data / "auth.json", settings.secret_environment.get("OPENCODE_AUTH_CONTENT", ""))
    services = Services(
        store,
        journal,
        sessions,
        turns,
        asks,
        credentials,
        Credentials(settings.data / "mcp-auth.json"),
        supervisor,
        sandboxes,
        limits,
        settings.secret_environment,
        audit,
        Worktrees(settings.worktrees),
        turnstile,
        Register(settings.register),
        StoreUpkeep(settings, store),
        Storage(settings, store, journal, supervisor, sessions, turns),
        gateways.listeners,
        _make_renewal(settings, credentials, supervisor),
        tally=books.tally,
        processes=ProcessTable(lambda: label_known(supervisor.live(), gateways)),
        gateways=gateways,
        tracer=tracer,
        draining=Draining(settings.drain_s),
        models=ModelCatalogue({**os.environ, **settings.secret_environment}, settings.data),
        find_address=settings.find_address,
    )
    governor = Governor(limits, supervisor, sessions, turns, asks, groups, inherited_kb=spawner.memory_kb)
    dispatcher = Dispatcher(services)
    books.dispatch = dispatcher.for_worker
    return _Parts(services, books, governor, decisions, dispatcher)


def _make_router(
    settings: DaemonSettings, context: "zmq.Context[zmq.Socket[bytes]]", gateways: Gateways, parts: _Parts
) -> Router:
    """From now on gateways can connect."""
    socket = bind_router(context)
    bind_private(socket, settings.call_endpoint)
    services = parts.services
    deliveries = Deliveries(
        services.register,
        services.store,
        services.journal,
        functools.partial(read_message, services),
        lambda: settings.policy.admission,
    )
    return Router(
        TrioSocket(socket),
        gateways,
        services.journal,
        functools.partial(deliveries.answer, serve=parts.dispatcher.for_gateway),
        epoch=random_text(8),
        lasting=is_lasting,
        needs_store=needs_store,
        streams={ATTACH: parts.dispatcher.for_stream},
    )


def _make_renewal(settings: DaemonSettings, credentials: Credentials, supervisor: Supervisor) -> Renewal:
    async def store(provider: str, entry: dict[str, Any]) -> None:
        credentials.set(provider, entry)
        await supervisor.refresh_credentials()

    environment = settings.secret_environment
    logins = Logins({**KNOWN_METHODS, **settings.policy.oauth}, store, environment)
    return Renewal(logins, store, environment)


def _observe(audit: AuditLog, tally: Tally, tracer: Tracer, type: str, properties: bytes, session: str) -> None:
    record_event(audit, type, properties, session)
    tally.observe(type, properties, session)
    tracer.observe(type, properties, session)


def _open_audit(settings: DaemonSettings) -> AuditLog:
    """Raises OSError when it can't be opened, whether it is required or not: a server that was told to keep a record
    does not run without one unseen."""
    policy = settings.policy
    if not policy.audit.enabled:
        return AuditLog(None)
    audit = AuditLog(AuditWriter(settings.audit, policy.audit), required=policy.audit.required)
    audit.record("service.started", pid=os.getpid(), policy=msgspec.to_builtins(policy))
    return audit


def _open_groups() -> Groups | None:
    delegation = find_delegation()
    if delegation is None:
        return None
    groups = Groups(delegation)
    try:
        groups.prepare()
    except OSError as error:
        _log.warning("control groups can't be used", root=str(delegation.root), error=str(error))
        return None
    _log.info("sessions are in control groups", root=str(delegation.root), controllers=list(delegation.controllers))
    return groups


def _notify_ready(settings: DaemonSettings, enforceable: Enforceable) -> None:
    for probe in enforceable.failures.values():
        _log.error("can't be enforced here, and is refused", probe=probe.name, step=probe.step, remedy=probe.remedy)
    sandbox = settings.policy.sandbox
    _log.info(
        "daemon ready",
        pid=os.getpid(),
        runtime=str(settings.runtime),
        sandbox={"level": sandbox.level, "profile": sandbox.profile, "ceiling": sandbox.ceiling},
        network=describe_policy(settings.policy.network),
    )
