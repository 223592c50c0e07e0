"""The daemon: put together, run, and taken apart in order."""

import contextlib
import functools
import os
import signal
from collections.abc import AsyncGenerator
from typing import Final

import msgspec
import structlog
import trio
import zmq

from oad.contract.ids import random_text
from oad.link import TrioSocket, bind_private

from . import procs
from .asks import Asks
from .audit.happenings import record_event
from .audit.log import AuditLog
from .audit.writer import AuditWriter
from .bookkeeper import Bookkeeper
from .credentials import Credentials
from .dispatch import Dispatcher, is_lasting
from .gateways import Gateways
from .instance_lock import InstanceLock
from .journal import Journal
from .operations.context import Services
from .own_directories import OwnDirectories
from .restart import RestartBudget
from .router import Router, bind_router
from .sessions import Sessions
from .settings import DaemonSettings
from .store import Store
from .supervisor import Supervisor
from .turns import Turns
from .zygote import start_zygote
from .zygote_spawner import ZygoteSpawner

_log = structlog.get_logger("oad.daemon")
_IO_THREADS: Final = 1


def run_daemon(settings: DaemonSettings) -> None:
    """Runs until SIGTERM or SIGINT. Raises AlreadyRunning, SchemaTooNew, CredentialsUnreadable, OSError."""
    with InstanceLock(settings.data):
        _make_private(settings)
        # Before trio: the zygote must be forked by a process with one thread, and this thread outlives it.
        procs.become_subreaper()  # session inits are born as grandchildren and adopted
        zygote = start_zygote()
        trio.run(_serve, settings, ZygoteSpawner(zygote))


def _make_private(settings: DaemonSettings) -> None:
    for directory in (settings.data, settings.runtime, settings.worker_endpoints, settings.scratch):
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    OwnDirectories(settings.scratch).sweep()
    for leftover in settings.worker_endpoints.glob("*.sock"):
        leftover.unlink()  # of a daemon that was killed; the lock proves that none lives


async def _serve(settings: DaemonSettings, spawner: ZygoteSpawner) -> None:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context(_IO_THREADS)
    gateways = Gateways(context)
    store = Store(settings.database)
    try:
        async with _services(settings, spawner, context, store, gateways) as services:
            with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
                _notify_ready(settings)
                async for number in signals:
                    _log.info("stopping", signal=signal.Signals(number).name)
                    break
            await services.supervisor.shut_down()
            services.audit.note("service.stopped")
    finally:
        context.destroy(linger=200)
        store.close()
        settings.call_endpoint.unlink(missing_ok=True)


@contextlib.asynccontextmanager
async def _services(
    settings: DaemonSettings,
    spawner: ZygoteSpawner,
    context: "zmq.Context[zmq.Socket[bytes]]",
    store: Store,
    gateways: Gateways,
) -> AsyncGenerator[Services]:
    """Everything running, in the order in which it depends on one another."""
    journal = Journal(store, gateways)
    sessions, turns, asks = Sessions(store, journal), Turns(store, journal), Asks(journal)
    audit = _open_audit(settings)
    journal.observe = functools.partial(record_event, audit)
    books = Bookkeeper(store, journal, sessions, turns, asks, audit)
    supervisor = Supervisor(settings, spawner, context, RestartBudget(), books)
    credentials = Credentials(settings.data / "auth.json")
    services = Services(
        store, journal, sessions, turns, asks, credentials, supervisor, settings.secret_environment, audit
    )
    dispatcher = Dispatcher(services)
    books.dispatch = dispatcher.for_worker
    async with trio.open_nursery() as nursery:
        nursery.start_soon(audit.run)
        nursery.start_soon(journal.run)
        recovered = await books.recover()
        if recovered:
            _log.warning("turns closed that the last daemon left open", sessions=recovered)
        async with trio.open_nursery() as serving:
            serving.start_soon(spawner.run)
            serving.start_soon(supervisor.run)
            serving.start_soon(gateways.watch)
            socket = bind_router(context)
            bind_private(socket, settings.call_endpoint)
            router = Router(
                TrioSocket(socket), gateways, journal, dispatcher.for_gateway, epoch=random_text(8), lasting=is_lasting
            )
            serving.start_soon(router.run)
            yield services
            serving.cancel_scope.cancel()
        nursery.cancel_scope.cancel()


def _open_audit(settings: DaemonSettings) -> AuditLog:
    """Raises OSError when it can't be opened, whether it is required or not: a server that was told to keep a record
    does not run without one unseen."""
    policy = settings.policy
    if not policy.audit.enabled:
        return AuditLog(None)
    audit = AuditLog(AuditWriter(settings.audit, policy.audit), required=policy.audit.required)
    audit.record("service.started", pid=os.getpid(), policy=msgspec.to_builtins(policy))
    return audit


def _notify_ready(settings: DaemonSettings) -> None:
    _log.info("daemon ready", pid=os.getpid(), runtime=str(settings.runtime))
