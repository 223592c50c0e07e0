"""A server written with the official SDK. usage: mcp_sdk_server.py [PORT]    with a port over streamable HTTP, else on
its standard streams. ``wait`` writes what became of it into the file it is given."""

import sys
from pathlib import Path

import anyio
from mcp.server.mcpserver import Context, Image, MCPServer

server = MCPServer("sdk")
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6364f8cf500f00038601806035"
    "a37d6b0000000049454e44ae426082"
)


@server.tool()
def add(a: int, b: int) -> int:
    """Adds two numbers."""
    return a + b


@server.tool()
def draw() -> Image:
    """Draws a point."""
    return Image(data=PIXEL, format="png")


@server.tool()
def fail() -> str:
    """Fails."""
    raise ValueError("it can't be done")


@server.tool()
def tell(secret: str) -> str:
    """Repeats what it is told."""
    return f"told: {secret}"


@server.tool()
async def wait(file: str, context: Context) -> str:
    """Waits until it is cancelled."""
    target = Path(file)
    await anyio.Path(target).write_text("begun")
    try:
        await context.report_progress(1, 2)
        await anyio.sleep(60)
    except BaseException:
        target.write_text("cancelled")  # noqa: ASYNC240  it is cancelled, and could not wait
        raise
    return "not cancelled"


@server.prompt()
def review(what: str) -> str:
    """Asks for a review."""
    return f"Please review {what} with care."


@server.resource("notes://today", mime_type="text/plain")
def today() -> str:
    """What is to be done."""
    return "Water the plants."


if __name__ == "__main__":
    if len(sys.argv) > 1:
        server.run("streamable-http", port=int(sys.argv[1]))
    else:
        server.run("stdio")
