from collections.abc import AsyncIterator

import pytest
import trio

from .fake_server import FakeServer


@pytest.fixture
async def server(nursery: trio.Nursery) -> AsyncIterator[FakeServer]:
    fake = FakeServer()
    await nursery.start(fake.run)
    yield fake
