"""webfetch through a real proxy."""

import pytest
import trio

from oad.workers.egress import Egress
from oad.workers.tools.download import Page, download
from oad.workers.tools.tool import ToolFailed
from tests.proxy.conftest import Proxy, Recorder, proxy, serve

__all__ = ["proxy"]  # a fixture


async def fetch(proxy: Proxy, url: str, *allow: str) -> Page:
    async def ask(url: str) -> None:
        await trio.lowlevel.checkpoint()

    return await download(url, "text", 5, ask, Egress("ses_1", "allow", str(proxy.path), (allow,)))


async def test_a_listed_host(proxy: Proxy, nursery: trio.Nursery) -> None:
    proxy.start()
    server = Recorder()
    port = await serve(nursery, server)
    proxy.names["a.test"] = [["127.0.0.1"]]
    page = await fetch(proxy, f"http://a.test:{port}/x", f"a.test:{port}", f"127.0.0.1:{port}")
    assert page.data == b"ok"
    assert b"a.test" in server.data


async def test_others_and_inner_addresses_are_named_in_the_failure(proxy: Proxy, nursery: trio.Nursery) -> None:
    proxy.start()
    proxy.names["a.test"] = [["169.254.169.254"]]
    with pytest.raises(ToolFailed, match=r"b.test:80 was not fetched: .*not on the allow list"):
        await fetch(proxy, "http://b.test/", "a.test")
    with pytest.raises(ToolFailed, match=r"169.254.169.254 is a link-local address"):
        await fetch(proxy, "http://a.test/", "a.test")


async def test_a_redirect_to_another_host_is_judged_too(proxy: Proxy, nursery: trio.Nursery) -> None:
    proxy.start()
    port = await serve(
        nursery, Recorder(b"HTTP/1.1 302 Found\r\nLocation: http://b.test/\r\nContent-Length: 0\r\n\r\n")
    )
    with pytest.raises(ToolFailed, match=r"b.test:80 was not fetched"):
        await fetch(proxy, f"http://127.0.0.1:{port}/", f"127.0.0.1:{port}")


async def test_with_the_network_off_nothing_is_fetched() -> None:
    async def ask(url: str) -> None:
        raise AssertionError("nobody needs to be asked")

    with pytest.raises(ToolFailed, match="'off'"):
        await download("http://a.test/", "text", 5, ask, Egress("ses_1", "off"))
