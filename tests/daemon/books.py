"""The daemon's books on a scratch database, with a running journal."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import trio

from oad.daemon.asks import Asks
from oad.daemon.bookkeeper import Bookkeeper
from oad.daemon.journal import Journal, Place, Published
from oad.daemon.sessions import Sessions
from oad.daemon.store import Store
from oad.daemon.turns import Turns


class Books:
    """``published`` is what gateways would get."""

    def __init__(self, path: Path) -> None:
        self.published: list[Published] = []
        self.store = Store(path / "oad.db")
        self.journal = Journal(self.store, self)
        self.sessions = Sessions(self.store, self.journal)
        self.turns = Turns(self.store, self.journal)
        self.asks = Asks(self.journal)
        self.keeper = Bookkeeper(self.store, self.journal, self.sessions, self.turns, self.asks)

    def flush(self) -> None:
        """Nothing is held back."""

    def publish(self, event: Published) -> None:
        self.published.append(event)

    def types(self) -> list[str]:
        return [event.type for event in self.published]

    def of_type(self, type: str) -> list[Any]:
        """The properties of the events of one type."""
        return [msgspec.json.decode(e.body)["properties"] for e in self.published if e.type == type]

    def put(self, type: str, properties: Any, session: str = "ses_a") -> None:
        """As the bookkeeper takes a worker's durable event."""
        encoded = msgspec.json.encode(properties)
        self.turns.observe(type, session, encoded, durable=True)
        self.journal.append(type, encoded, Place("/p", "global", session))


@asynccontextmanager
async def open_books(path: Path) -> AsyncGenerator[Books]:
    books = Books(path)
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(books.journal.run)
            yield books
            nursery.cancel_scope.cancel()
    finally:
        books.store.close()
