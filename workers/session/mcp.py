"""What the project's MCP servers lend to a session: tools, prompts as commands, resources in prompts."""

from typing import Any, Final, Protocol

import msgspec
import structlog
import trio

from oad.contract.catalogue import Command
from oad.contract.errors import ApiError
from oad.contract.mcp import Offer, OfferedPrompt, PromptCall, PromptText, ResourceCall

from ..link import Link
from ..tools.mcp_tool import McpTool
from ..tools.tool import ToolFailed
from .surroundings import UnknownName

_log = structlog.get_logger("oad.session")

OFFER_S: Final = 13.0  # a turn begins without servers that take longer
_NOTHING: Final = Offer(tools=[], prompts=[])


class Lent:
    """One turn's view of them."""

    def __init__(self, offer: Offer = _NOTHING) -> None:
        self.tools = {tool.name: McpTool(tool) for tool in offer.tools}
        self.prompts = {prompt.name: prompt for prompt in offer.prompts}

    def commands(self) -> dict[str, Command]:
        """Their texts are asked for when they are run."""
        return {name: _command(prompt) for name, prompt in self.prompts.items()}


def _command(prompt: OfferedPrompt) -> Command:
    hints = [f"${number}" for number in range(1, len(prompt.arguments) + 1)]
    template = " ".join([prompt.description or prompt.name, *hints])
    return Command(name=prompt.name, description=prompt.description, source="mcp", template=template, hints=hints)


class Borrow(Protocol):
    async def __call__(self, *, configured: bool) -> Lent: ...


async def borrow(link: Link, *, configured: bool) -> Lent:
    """What there is for the turn that begins; it begins also when that can't be found out."""
    params = {"configured": "true" if configured else "false"}
    try:
        offer = msgspec.json.decode(await link.call("mcp.offer", params, deadline_s=OFFER_S), type=Offer)
    except (ApiError, trio.TooSlowError) as error:
        _log.warning("the turn begins without MCP servers", reason=str(error))
        return Lent()
    if offer.withheld is not None:
        _log.info("MCP servers are withheld", reason=offer.withheld)
    return Lent(offer)


async def prompt_text(link: Link, prompt: OfferedPrompt, words: list[str]) -> str:
    """The last argument takes the rest of the words. Raises UnknownName with what the server says."""
    last = len(prompt.arguments) - 1
    given = {
        name: " ".join(words[at:]) if at == last else words[at]
        for at, name in enumerate(prompt.arguments)
        if at < len(words)
    }
    call = PromptCall(server=prompt.server, prompt=prompt.prompt, arguments=given)
    try:
        answer = await link.call("mcp.prompt", {}, msgspec.json.encode(call))
    except ApiError as error:
        raise UnknownName(_message(error)) from error
    return msgspec.json.decode(answer, type=PromptText).text


class _Piece(msgspec.Struct, rename="camel"):
    text: str | None = None
    mime_type: str = "unknown"


class _Contents(msgspec.Struct):
    contents: list[_Piece] = []


async def read_resource(link: Link, server: str, uri: str) -> list[str]:
    """Its texts; what is no text is named. Raises ToolFailed."""
    body = msgspec.json.encode(ResourceCall(server=server, uri=uri))
    try:
        answer = await link.call("mcp.read", {}, body)
    except ApiError as error:
        raise ToolFailed(_message(error)) from error
    pieces = msgspec.json.decode(answer, type=_Contents).contents
    return [f"[Binary content: {piece.mime_type}]" if piece.text is None else piece.text for piece in pieces]


def _message(error: ApiError) -> str:
    data: Any = error.body.get("data") or {}
    return str(data.get("message") or error.body.get("message") or error.body)
