"""Many durable events at the price of one request: histories of sessions, as another server would send them."""

import json
import random

import httpx2

from oad.contract.ids import new_id

from .server import Json, Server


class Bulk:
    """``begin`` once; then every ``send`` makes a session that is renamed so many times."""

    def __init__(self, server: Server, seed: int = 0) -> None:
        self._server = server
        self._random = random.Random(seed)
        self._history: list[Json] = []

    async def begin(self) -> str:
        """The id of a session that is there now."""
        session = await self._server.create()
        await self._server.ask("PATCH", f"/session/{session}", {"title": "renamed"})
        self._history = await self._server.ask("POST", "/sync/history", {})
        return session

    async def send(self, client: httpx2.AsyncClient, renamed: int = 50) -> httpx2.Response:
        body = {"directory": str(self._server.project), "events": self._events(renamed)}
        return await client.post("/sync/replay", json=body)

    def _events(self, number: int) -> list[Json]:
        created, renamed = self._history
        known, session = str(created["aggregate_id"]), new_id("ses")
        events: list[Json] = []
        for seq, event in enumerate([created, *[renamed] * number]):
            mine = {**event, "aggregateID": known, "id": new_id("evt"), "seq": seq}
            copy = json.loads(json.dumps(mine).replace(known, session))
            copy["data"]["info"]["title"] = "x" * int(10 ** self._random.uniform(0, 3.5))
            events.append(copy)
        return events
