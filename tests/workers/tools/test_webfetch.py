from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import pytest
import trio

from oad.workers.tools.tool import Rejected, ToolFailed
from oad.workers.tools.webfetch import WebfetchArgs, WebfetchTool

from .conftest import Recorder

webfetch = WebfetchTool()


@asynccontextmanager
async def serving(*answers: bytes, hang: bool = False) -> AsyncIterator[str]:
    """A server that gives these answers, one per connection; yields its address."""
    left = list(answers)

    async def answer(stream: trio.SocketStream) -> None:
        await stream.receive_some()
        await stream.send_all(left.pop(0))
        if hang:
            await trio.sleep_forever()
        await stream.aclose()

    async with trio.open_nursery() as nursery:
        (listener, *_) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        port = listener.socket.getsockname()[1]
        nursery.start_soon(partial(trio.serve_listeners, answer, [listener]))
        yield f"http://127.0.0.1:{port}"
        nursery.cancel_scope.cancel()


def response(body: bytes, kind: str = "text/html", status: str = "200 OK", more: str = "") -> bytes:
    head = (
        f"HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n{more}\r\n"
    )
    return head.encode() + body


async def test_formats(recorder: Recorder) -> None:
    page = response(b"<h1>Hi</h1><p>there</p>")
    async with serving(page, page, page) as url:
        markdown = await webfetch.run(WebfetchArgs(url=url), recorder.context())
        text = await webfetch.run(WebfetchArgs(url=url, format="text"), recorder.context())
        html = await webfetch.run(WebfetchArgs(url=url, format="html"), recorder.context())
    assert (markdown.output, text.output) == ("# Hi\n\nthere", "Hi\nthere")
    assert html.output == "<h1>Hi</h1><p>there</p>"
    assert (markdown.title, markdown.metadata) == (f"{url} (text/html)", {"truncated": False})
    assert recorder.asked[0] == ("webfetch", [url], ["*"], {"url": url, "format": "markdown"})


async def test_images_are_attached(recorder: Recorder) -> None:
    async with serving(response(b"\x89PNG", "image/png")) as url:
        result = await webfetch.run(WebfetchArgs(url=f"{url}/i.png"), recorder.context())
    assert result.attachments is not None
    assert result.attachments[0].filename == "i.png"


async def test_redirects_to_other_hosts_are_asked_for(recorder: Recorder) -> None:
    async with serving(response(b"there", "text/plain")) as goal:
        there = response(b"", status="302 Found", more=f"location: {goal}/x\r\n")
        here = response(b"", status="301 Moved", more="location: /again\r\n")
        async with serving(here, there) as url:
            result = await webfetch.run(WebfetchArgs(url=url), recorder.context())
    assert result.output == "there"
    assert [each[1] for each in recorder.asked] == [[url], [f"{goal}/x"]]


async def test_redirects_out_of_the_web_are_refused(recorder: Recorder) -> None:
    async with serving(response(b"", status="302 Found", more="location: file:///etc/passwd\r\n")) as url:
        with pytest.raises(ToolFailed, match="http"):
            await webfetch.run(WebfetchArgs(url=url), recorder.context())
    with pytest.raises(ToolFailed, match="http"):
        await webfetch.run(WebfetchArgs(url="file:///etc/passwd"), recorder.context())


async def test_clear_errors(recorder: Recorder) -> None:
    async with serving(response(b"", status="404 Not Found"), response(b"a\0b", "application/zip")) as url:
        with pytest.raises(ToolFailed, match="status 404"):
            await webfetch.run(WebfetchArgs(url=url), recorder.context())
        with pytest.raises(ToolFailed, match="binary"):
            await webfetch.run(WebfetchArgs(url=url), recorder.context())
    with pytest.raises(ToolFailed, match="could not be fetched"):
        await webfetch.run(WebfetchArgs(url=url), recorder.context())


async def test_too_large_and_too_slow(recorder: Recorder) -> None:
    large = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\n" + b"x" * (6 * 1024 * 1024)
    async with serving(large) as url:
        with pytest.raises(ToolFailed, match="5 MB"):
            await webfetch.run(WebfetchArgs(url=url), recorder.context())
    async with serving(b"HTTP/1.1 200 OK\r\n", hang=True) as url:
        with pytest.raises(ToolFailed, match=r"within 0\.2 seconds"):
            await webfetch.run(WebfetchArgs(url=url, timeout=0.2), recorder.context())


async def test_refused_fetch_sends_nothing(recorder: Recorder) -> None:
    def refuse(permission: str) -> None:
        raise Rejected("no", ends_turn=True)

    recorder.on_ask = refuse
    with pytest.raises(Rejected):
        await webfetch.run(WebfetchArgs(url="http://127.0.0.1:1/"), recorder.context())
