"""Remote MCP servers, which the project's worker reaches itself, under each network policy."""

import json
from collections.abc import Callable
from pathlib import Path

from ..workers.mcp.web import Web, serving
from .model import Model
from .server import Json, Server
from .test_mcp import step
from .test_network import configured

CONNECTED = {"status": "connected"}


async def add(server: Server, web: Web) -> Json:
    config = {"type": "remote", "url": web.url}
    return (await server.ask("POST", "/mcp", {"name": "web", "config": config}))["web"]


async def test_off(make_server: Callable[..., Server], place: Path) -> None:
    async with serving(Web()) as web:
        server = await configured(make_server, place, 'mode = "off"')
        error = "the network policy is off: no remote server can be reached"
        assert await add(server, web) == {"status": "failed", "error": error}
        assert web.asked == []


async def test_allow_goes_through_the_proxy(make_server: Callable[..., Server], place: Path, model: Model) -> None:
    (place / "project").mkdir()
    (place / "project/opencode.json").write_text(json.dumps(model.configuration()))
    async with serving(Web()) as listed, serving(Web()) as other:
        host = listed.base.removeprefix("http://")
        server = await configured(make_server, place, f'mode = "allow"\nallow = ["{host}"]')
        denied = await add(server, other)
        assert denied["status"] == "failed"
        assert "not on the allow list" in denied["error"]
        assert other.asked == []
        assert await add(server, listed) == CONNECTED
        assert (await step(server, model, "web_echo", {"a": 1}))["output"] == '{"a": 1}'
        # A session with a list of its own may reach less than the server does.
        state = await step(server, model, "web_echo", {}, sandbox={"allow": ["a.test"]})
        assert "unavailable tool 'web_echo'" in str(state)
