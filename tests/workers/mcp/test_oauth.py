"""Authorization of a remote server, from the first refusal to a refreshed token."""

import socket
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import trio
import trio.testing

from oad.contract.mcp import McpConfig, McpOAuth, McpRemote
from oad.contract.redact import KNOWN

from .test_operations import Asked, asking
from .test_server import started
from .web import Web, serving
from .world import make_world

CONNECTED = {"status": "connected"}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def add(ask: Asked, web: Web, oauth: Any = None) -> Any:
    oauth = oauth or {"callbackPort": free_port()}
    return await ask("mcp.add", {"name": "web", "config": {"type": "remote", "url": web.url, "oauth": oauth}})


async def test_the_whole_way_with_a_code_that_a_client_brings(tmp_path: Path) -> None:
    async with serving(Web(secured=True)) as web, asking(tmp_path) as ask:
        assert await add(ask, web) == {"web": {"status": "needs_auth"}}
        begun = await ask("mcp.auth.start", name="web")
        assert begun["oauthState"] in begun["authorizationUrl"]
        code = parse_qs(urlsplit(web.visit(begun["authorizationUrl"])).query)["code"][0]
        assert await ask("mcp.auth.callback", {"code": code}, name="web") == CONNECTED
        (key,) = ask.link.stored
        assert key == f"web {web.url}"
        assert ask.link.stored[key]["access"] in web.valid
        assert ask.link.stored[key]["access"] in KNOWN.texts  # it can't show anywhere
        assert await ask("mcp.auth.start", name="web") == {"authorizationUrl": "", "oauthState": ""}
        assert await ask("mcp.auth.remove", name="web") == {"success": True}
        assert ask.link.stored == {}
        assert (await ask("mcp.auth.start", name="web"))["authorizationUrl"]


async def test_a_browser_that_comes_back_by_itself(tmp_path: Path) -> None:
    async with serving(Web(secured=True)) as web, asking(tmp_path) as ask:
        await add(ask, web)
        statuses: list[Any] = []

        async def lead() -> None:
            statuses.append(await ask("mcp.auth.authenticate", name="web"))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(lead)
            with trio.fail_after(10):
                while not ask.link.events:
                    await trio.testing.wait_all_tasks_blocked(0.001)
            (type, properties) = ask.link.events[0]
            assert (type, properties["mcpName"]) == ("mcp.browser.open.failed", "web")
            target = web.visit(properties["url"])
            async with httpx2.AsyncClient() as browser:
                forged = await browser.get(target.replace("state=", "state=x"))
                assert forged.status_code == 400
                assert (await browser.get(target)).text == "Authorized. You can close this window."
        assert statuses == [CONNECTED]


async def test_a_wrong_code(tmp_path: Path) -> None:
    async with serving(Web(secured=True)) as web, asking(tmp_path) as ask:
        await add(ask, web)
        await ask("mcp.auth.start", name="web")
        found = await ask("mcp.auth.callback", {"code": "made-up"}, name="web")
        assert found["status"] == "failed"
        assert "invalid_grant" in found["error"]


async def test_an_authorization_server_that_registers_nobody(tmp_path: Path) -> None:
    async with serving(Web(secured=True, registers=False)) as web, asking(tmp_path) as ask:
        found = (await add(ask, web))["web"]
        assert found["status"] == "needs_client_registration"
        assert found["error"]
        known = await add(ask, web, {"clientId": "client-9", "scope": "read"})
        assert known == {"web": {"status": "needs_auth"}}
        begun = await ask("mcp.auth.start", name="web")
        query = parse_qs(urlsplit(begun["authorizationUrl"]).query)
        assert (query["client_id"], query["scope"]) == (["client-9"], ["read"])


async def test_a_token_that_has_ended_is_refreshed_also_after_a_restart(tmp_path: Path) -> None:
    async with serving(Web(secured=True)) as web, asking(tmp_path) as ask:
        web.lives_s = 1  # counts as ended at once
        await add(ask, web)
        begun = await ask("mcp.auth.start", name="web")
        code = parse_qs(urlsplit(web.visit(begun["authorizationUrl"])).query)["code"][0]
        await ask("mcp.auth.callback", {"code": code}, name="web")
        stored = ask.link.stored[f"web {web.url}"]
        web.valid.clear()
        web.asked.clear()
        config: McpConfig = McpRemote(url=web.url, oauth=McpOAuth())
        world = make_world(tmp_path, ask.link)
        async with started(config, world) as server:
            server.name = "web"
            assert "/token" not in web.asked, "another name gets nothing"
        ask.link.stored["zoo " + web.url] = stored
        async with started(config, world) as server:
            assert (await server.ready(1)).tools[0]["name"] == "echo"
        assert "/token" in web.asked
        assert "/register" in web.asked  # by the one of another name only
        assert ask.link.stored["zoo " + web.url]["access"] in web.valid


async def test_another_address_gets_no_token(tmp_path: Path) -> None:
    async with serving(Web(secured=True)) as web, asking(tmp_path) as ask:
        ask.link.stored["web https://elsewhere.example/mcp"] = {"access": "access-of-another", "type": "mcp"}
        await add(ask, web)
        assert not any("access-of-another" in str(headers) for headers in web.headers)
