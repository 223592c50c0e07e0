from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import trio

from .fakes import Script, World

MakeWorld = Callable[..., Any]


@pytest.fixture
async def make_world(tmp_path: Path, nursery: trio.Nursery) -> AsyncIterator[MakeWorld]:
    """Makes running worlds."""

    async def make(*scripts: Script, **fields: Any) -> World:
        world = World(tmp_path, *scripts, **fields)
        await nursery.start(world.worker.run)
        return world

    yield make
    nursery.cancel_scope.cancel()
