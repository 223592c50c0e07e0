"""The table of a directory's servers: what is configured, added, changed, and gone."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from oad.contract.errors import ApiError
from oad.contract.mcp import MCPStatusDisabled
from oad.contract.redact import KNOWN
from oad.workers.config.settings import McpSection
from oad.workers.mcp.failure import Refused
from oad.workers.mcp.servers import Servers

from .world import make_world, zoo


@asynccontextmanager
async def running(directory: Path, sections: dict[str, McpSection]) -> AsyncGenerator[Servers]:
    servers = Servers(make_world(directory), lambda: sections)
    async with trio.open_nursery() as nursery:
        await nursery.start(servers.run)
        yield servers
        nursery.cancel_scope.cancel()


def section(**fields: bool) -> McpSection:
    return McpSection(type="local", command=zoo().command, **fields)


async def test_what_has_not_changed_is_left_alone(tmp_path: Path) -> None:
    sections = {"a": section(), "b": section()}
    async with running(tmp_path, sections) as servers:
        assert len(await servers.connected()) == 2
        kept, changed = servers.find("a"), servers.find("b")
        sections["b"] = section(enabled=False)
        sections["c"] = section()
        assert [server.name for server in await servers.connected()] == ["a", "c"]
        assert servers.find("a") is kept
        assert servers.find("b") is not changed
        del sections["a"]
        with pytest.raises(ApiError):
            servers.find("a")
        assert kept.status == MCPStatusDisabled()


async def test_what_a_client_has_added_wins_over_the_file(tmp_path: Path) -> None:
    sections = {"a": section(enabled=False)}
    async with running(tmp_path, sections) as servers:
        assert servers.added() == []
        added = servers.add("a", zoo())
        await added.settled.wait()
        sections["a"] = section(enabled=False)
        assert servers.find("a") is added
        added.stop()
        assert servers.added() == [added]


async def test_nothing_is_replaced_by_what_is_refused(tmp_path: Path) -> None:
    async with running(tmp_path, {"a": section()}) as servers:
        before = servers.find("a")
        refused = zoo()
        refused.command = ["sudo", "true"]
        with pytest.raises(Refused):
            servers.add("a", refused)
        assert servers.find("a") is before


async def test_configured_secrets_are_known(tmp_path: Path) -> None:
    async with running(tmp_path, {}) as servers:
        servers.add("a", zoo(environment={"SOME_TOKEN": "tok-of-an-added-server-1"}))
        assert "tok-of-an-added-server-1" in KNOWN.texts
