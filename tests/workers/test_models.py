from collections.abc import Iterator
from typing import Any, cast

import pytest

from oad.workers import models
from oad.workers.link import Link
from oad.workers.models import follow_catalogue, held_catalogue
from oad.workers.providers.listed import NONE


class Daemon:
    def __init__(self) -> None:
        self.asked: list[str] = []

    async def call(self, op: str, params: dict[str, str], body: bytes = b"", **_: Any) -> bytes:
        self.asked.append(op)
        return b'{"acme": {"models": {}}}'


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    yield
    models._Held.catalogue = NONE


async def test_it_is_fetched_once_for_each_version() -> None:
    daemon = Daemon()
    link = cast("Link", daemon)
    for version in ("", "1", "1", "2", ""):
        await follow_catalogue(link, version)
        assert held_catalogue().version == version
        assert list(held_catalogue().providers) == (["acme"] if version else [])
    assert daemon.asked == ["daemon.models", "daemon.models"]
