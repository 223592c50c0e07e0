"""The tool that fetches a page."""

from typing import Annotated, Any, Literal

import trio
from msgspec import Meta

from ..egress import OPEN, Egress
from .attachment import attach
from .download import Page, download
from .in_thread import in_thread
from .page_text import as_markdown, as_text
from .shortening import shorten
from .tool import ToolArgs, ToolContext, ToolFailed, ToolResult

DEFAULT_TIMEOUT_S = 30.0
MAX_TIMEOUT_S = 120.0
_IMAGES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})

Format = Literal["text", "markdown", "html"]


class WebfetchArgs(ToolArgs):
    url: Annotated[str, Meta(description="The address, beginning with http:// or https://")]
    format: Annotated[
        Format, Meta(description="What to return the page as: text, markdown or html. Defaults to markdown.")
    ] = "markdown"
    timeout: Annotated[float, Meta(description="Seconds to wait (120 at most)")] | None = None


class WebfetchTool:
    name = "webfetch"
    args = WebfetchArgs
    description = """\
Fetches a web page (http or https) and returns it as markdown, plain text or html.

- It only reads: nothing is sent but the request. Pages of more than 5 MB are refused; of a long text the beginning is \
returned and the whole is kept in a file.
- If another tool reaches the same source with fewer limits, use that."""

    async def run(self, args: WebfetchArgs, context: ToolContext) -> ToolResult:
        timeout_s = min(args.timeout if args.timeout and args.timeout > 0 else DEFAULT_TIMEOUT_S, MAX_TIMEOUT_S)

        egress: Egress = context.services.get("egress", OPEN)

        async def ask(url: str) -> None:
            await context.ask("webfetch", [url], always=["*"], metadata=_asked(args, url))

        await ask(args.url)
        page = await download(args.url, args.format, timeout_s, ask, egress)
        title = f"{args.url} ({page.content_type})"
        if page.mime in _IMAGES:
            name = page.url.rstrip("/").rsplit("/", 1)[-1]
            part = attach(context, page.mime, page.data, name)
            return ToolResult(title, "Image fetched successfully", {"truncated": False}, [part])
        shown = await shorten(context, await _converted(page, args.format))
        metadata: dict[str, Any] = {"truncated": shown.truncated}
        if shown.file is not None:
            metadata["outputPath"] = str(shown.file)
        return ToolResult(title, shown.text, metadata)


def _asked(args: WebfetchArgs, url: str) -> dict[str, Any]:
    asked: dict[str, Any] = {"url": url, "format": args.format}
    if args.timeout is not None:
        asked["timeout"] = args.timeout
    return asked


async def _converted(page: Page, format: Format) -> str:
    if b"\0" in page.data[:8192]:
        raise ToolFailed(f"{page.url} is binary ({page.content_type}); it cannot be shown as text.")
    text = page.text()
    if format == "html" or page.mime not in {"text/html", "application/xhtml+xml"}:
        return text
    convert = as_markdown if format == "markdown" else as_text
    with trio.move_on_after(20):
        return await in_thread(convert, text)  # megabytes of markup take seconds
    raise ToolFailed(f"{page.url} could not be converted in time. Fetch it with format html.")
