"""One session at the proxy: its rules, its share, its decisions."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager

import trio

from oad.contract.network import Rules, Target
from oad.contract.proxy import Decision

from .dial import Denied, Dialler
from .ledger import Ledger


class Tenant:
    """``lists``: every one must cover a host. ``limit``: connections at a time."""

    def __init__(self, session: str, lists: Sequence[Rules], dialler: Dialler, ledger: Ledger, *, limit: int) -> None:
        self.session = session
        self._lists = lists
        self._dialler = dialler
        self._ledger = ledger
        self._free = limit

    @contextmanager
    def slot(self) -> Generator[bool]:
        """Whether one was free; it is ours until the end of the block."""
        if self._free <= 0:
            yield False
            return
        self._free -= 1
        try:
            yield True
        finally:
            self._free += 1

    async def reach(self, target: Target) -> trio.SocketStream:
        """Raises Denied, Unreachable."""
        try:
            stream, address = await self._dialler.dial(self._lists, target)
        except Denied as denied:
            self.deny(target, str(denied))
            raise
        self._ledger.record(Decision(self.session, target.host, target.port, True, address=str(address)))
        return stream

    def deny(self, target: Target, reason: str) -> None:
        self._ledger.record(Decision(self.session, target.host, target.port, False, reason))
