"""The gateway's link to the daemon: calls of which none is repeated silently, events that outlive a daemon."""

import itertools
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

import trio
import zmq

from oad.contract.errors import ApiError, named, unavailable
from oad.contract.replay import ReplayPage, decode_page
from oad.contract.wire import Origin, ProtocolError, Reply, Welcome
from oad.link import LinkLost, Stream

from .connection import Connection
from .happening import incomplete, replayed
from .settings import GatewaySettings
from .streams import Streams

REPLAY_DEADLINE_S: Final = 30.0
_BACKOFF_S: Final = 0.05
_DISK_S: Final = 1.0
_log = logging.getLogger("oad.gateway.link")


class DaemonLink:
    """Keeps a connection while ``run`` runs. A call that was under way when the daemon died fails; it is not repeated,
    since nobody knows whether it was carried out."""

    def __init__(self, settings: GatewaySettings, on_reload: Callable[[], object] = str) -> None:
        self._settings = settings
        self._on_reload = on_reload
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._connection: Connection | None = None
        self._up = trio.Event()
        self._epoch = ""
        self.streams = Streams(self.fetch)

    @property
    def is_up(self) -> bool:
        return self._connection is not None

    async def run(self) -> None:
        """Connects, and connects again whenever the daemon is gone."""
        try:
            for number in itertools.count(1):
                await self._live(number)
                await trio.sleep(_BACKOFF_S)
        finally:
            self._context.destroy(linger=0)

    async def _live(self, number: int) -> None:
        settings = self._settings
        # The process id keeps a predecessor of the same name, which may still be closing, apart.
        path = Path(settings.runtime_dir) / f"gateway-{settings.name}-{os.getpid()}-{number}.sock"
        try:
            connection = Connection(self._context, settings.daemon_endpoint, settings.name, path, self._on_reload)
        except zmq.ZMQError as error:  # a full or read-only disk, which the daemon waits for too
            _log.error("no way to the daemon can be made: %s", error)
            await trio.sleep(_DISK_S)
            return
        try:
            await connection.run(os.getpid(), self._greeted, self.streams)
        except* (ProtocolError, ApiError) as group:
            _log.error("the connection to the daemon is given up: %s", group.exceptions[0])
        finally:
            self._connection, self._up = None, trio.Event()

    async def _greeted(self, connection: Connection, welcome: Welcome) -> None:
        """Streams that were open all the time are told what was journalled while there was no connection."""
        self._on_reload()  # the daemon may have said so while there was no connection
        fanout = self.streams.fanout
        more = bool(self._epoch) and max(fanout.last_seq, welcome.last_seq) > 0
        while more:
            page = await _fetch(connection, fanout.last_seq, None, fanout.last_mark)
            if not page.complete:
                _log.warning("streams can't be told all that they missed")
                fanout.publish(incomplete(page))
            if not page.known:
                fanout.last_mark = ""  # of a journal that is no more
            for row in page.events:
                if row.seq <= welcome.last_seq:
                    fanout.publish(replayed(row))
            more = page.more and page.last < welcome.last_seq
            fanout.last_seq = min(page.last, welcome.last_seq) if more else welcome.last_seq
        fanout.last_seq = welcome.last_seq
        self._epoch = welcome.epoch
        self._connection = connection
        self._up.set()

    async def call(
        self,
        op: str,
        params: dict[str, str],
        body: bytes = b"",
        *,
        deadline_s: float = 0.0,
        key: str = "",
        origin: Origin | None = None,
        stream: Stream | None = None,
    ) -> tuple[Reply, bytes]:
        """Asks the daemon; returns whatever it answers once the events before the answer are on the open streams.

        Raises ApiError: 503 without a daemon or when it dies meanwhile, 504 after the deadline.
        """
        connection = await self._connected()
        try:
            reply, answer = await connection.calls.call(
                op, params, body, deadline_s=deadline_s, key=key, origin=origin, stream=stream
            )
        except LinkLost:
            raise unavailable("The service was restarted before it answered.") from None
        except trio.TooSlowError:
            raise named(504, "TimeoutError", message=f"No answer within {deadline_s:g} s") from None
        if reply.after:
            await connection.settled(reply.after, self.streams)
        return reply, answer

    async def _connected(self) -> Connection:
        if self._connection is None:
            with trio.move_on_after(self._settings.daemon_wait_s):
                await self._up.wait()
        if self._connection is None:
            raise unavailable("The service is starting.")
        return self._connection

    async def fetch(self, after: int, directory: str | None, mark: str) -> ReplayPage:
        """A page of journalled events, see ``FetchPage``. Raises ApiError."""
        return await _fetch(await self._connected(), after, directory, mark)


async def _fetch(connection: Connection, after: int, directory: str | None, mark: str) -> ReplayPage:
    """Operation ``event.replay``, as oad.contract.replay describes it. Raises ApiError."""
    params = {"after": str(after)}
    if mark:
        params["mark"] = mark
    if directory is not None:
        params["onlyDirectory"] = directory
    try:
        reply, body = await connection.calls.call("event.replay", params, deadline_s=REPLAY_DEADLINE_S)
    except (LinkLost, trio.TooSlowError):
        raise unavailable("The journal cannot be read.") from None
    if reply.status != 200:
        raise unavailable("The journal cannot be read.")
    return decode_page(body)
