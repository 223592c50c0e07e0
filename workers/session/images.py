"""Pictures on their way into a conversation, made to fit what models take: of prompts, and in results of tools."""

import base64
from functools import partial
from typing import Any, Final

import msgspec
import trio

from oad.contract.errors import bad_request
from oad.contract.message import FilePart, Part
from oad.heap import give_back

from ..config.settings import ImageSection
from ..images.fitting import ImageUnfit, fit_image
from ..images.limits import ImageLimits
from ..tools.tool import ToolResult
from .history import data_of, is_textual

_LARGE: Final = 200_000  # of a data: URL
_AT_ONCE: Final = trio.CapacityLimiter(1)  # decoded, a picture may take 256 MB


async def fit_prompt(services: dict[str, Any], parts: list[Part]) -> list[Part]:
    """Raises ApiError (400) for a picture that no model could be given."""
    return [await _fit_attached(services, part) if isinstance(part, FilePart) else part for part in parts]


async def fit_result(services: dict[str, Any], result: ToolResult) -> ToolResult:
    """What can't be made to fit is left out, and the model is told."""
    kept, reasons = list[FilePart](), list[str]()
    for part in result.attachments or []:
        try:
            kept.append(await _fit(services, part))
        except ImageUnfit as error:
            reasons.append(f"[An image was left out: {part.filename or part.mime}: {error}.]")
    if not reasons:
        return msgspec.structs.replace(result, attachments=kept or None)
    return msgspec.structs.replace(result, output="\n\n".join([result.output, *reasons]), attachments=kept or None)


async def _fit_attached(services: dict[str, Any], part: FilePart) -> FilePart:
    try:
        return await _fit(services, part)
    except ImageUnfit as error:
        raise bad_request(f"The image {part.filename or part.id} can't be sent to a model: {error}") from error


async def _fit(services: dict[str, Any], part: FilePart) -> FilePart:
    """Raises ImageUnfit. Other files, and pictures which the part only names, are left as they are."""
    if not part.mime.startswith("image/") or is_textual(part.mime) or not part.url.startswith("data:"):
        return part
    work = partial(_fit_and_tidy, part.url, _limits(services))
    mime, url = await trio.to_thread.run_sync(work, abandon_on_cancel=True, limiter=_AT_ONCE)
    return msgspec.structs.replace(part, mime=mime, url=url)


def _limits(services: dict[str, Any]) -> ImageLimits:
    found = services.get("images")
    if not isinstance(found, ImageSection):
        return ImageLimits()
    return ImageLimits(found.auto_resize, found.max_width, found.max_height, found.max_base64_bytes)


def _fit_and_tidy(url: str, limits: ImageLimits) -> tuple[str, str]:
    """Decoding takes tens of megabytes, most of which the heap would keep for as long as the worker lives."""
    try:
        return _fit_url(url, limits)
    finally:
        if len(url) > _LARGE:
            give_back()


def _fit_url(url: str, limits: ImageLimits) -> tuple[str, str]:
    data = data_of(url)
    if data is None:
        raise ImageUnfit("its data: URL is broken")
    fitted = fit_image(data, limits, trio.from_thread.check_cancelled)
    if fitted.data is data and url.startswith(f"data:{fitted.mime};base64,"):
        return fitted.mime, url
    return fitted.mime, f"data:{fitted.mime};base64,{base64.b64encode(fitted.data).decode()}"
