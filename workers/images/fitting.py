"""Making a picture fit what a model may be given: smaller in steps, as PNG or as JPEG of falling quality.

Pillow is imported with the first picture: a worker that sees none shall not keep it in memory. What is decoded may come
from anywhere; that happens in the worker of one session, under its sandbox, in one of a few well-known formats.
"""

import functools
import io
import struct
import warnings
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final, NamedTuple

from .limits import ImageLimits

if TYPE_CHECKING:
    from PIL.Image import Image

_FORMATS: Final = ("PNG", "JPEG", "GIF", "WEBP", "BMP", "ICO")
_SENT: Final = ("PNG", "JPEG", "GIF", "WEBP")  # what models take; others become one of these
_DAMAGES: Final = (  # what decoders raise for contents that make no sense
    *(OSError, SyntaxError, ValueError, EOFError, LookupError, ArithmeticError, TypeError, AttributeError),
    *(RuntimeError, MemoryError, struct.error),
)
_LOSSY: Final = frozenset({"JPEG"})
_MOST_PIXELS: Final = 64_000_000  # of the decoded picture, four bytes each
_SHRINK: Final = 0.75
_STEPS: Final = 32
_QUALITIES: Final = (85, 80, 70, 55, 40)
_TURN, _ASIDE = 0x0112, 5  # the EXIF tag that says how the camera was held, and from which value on it lay on its side


class ImageUnfit(Exception):
    """The text says why, for people and models."""


class Fitted(NamedTuple):
    mime: str
    data: bytes


def fit_image(data: bytes, limits: ImageLimits, check: Callable[[], None] = lambda: None) -> Fitted:
    """The picture as it is, where it is whole and fits; otherwise made to. ``check`` is called between attempts and may
    raise. Blocks for as long as decoding takes, up to some seconds. Raises ImageUnfit."""
    from PIL import Image, UnidentifiedImageError

    _refuse_bombs()
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as opened:
            return _fit(opened, data, limits, check)
    except UnidentifiedImageError:
        raise ImageUnfit(f"it is none of {', '.join(_FORMATS)}, or damaged") from None
    except (*_DAMAGES, Image.DecompressionBombError) as error:
        raise ImageUnfit(f"it can't be decoded: {error}"[:300]) from error


@functools.cache
def _refuse_bombs() -> None:
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = _MOST_PIXELS // 2  # above that Pillow warns, above the double it refuses
    warnings.simplefilter("ignore", Image.DecompressionBombWarning)


def _fit(opened: "Image", data: bytes, limits: ImageLimits, check: Callable[[], None]) -> Fitted:
    format, aside = opened.format or "", opened.getexif().get(_TURN, 1) >= _ASIDE
    shown = (opened.height, opened.width) if aside else opened.size
    fits = limits.hold(*shown, data)
    if not fits and not limits.auto_resize:
        raise ImageUnfit(f"{_measure(shown, data)} exceed {_describe(limits)}, and auto_resize is off")
    if not fits:
        width, height = next(sizes(shown, limits))
        opened.draft(None, (height, width) if aside else (width, height))  # of JPEG, decodes no more than that takes
    opened.load()  # also of one that is handed on as it is: for a broken one a provider refuses the whole prompt
    if fits and (format in _SENT or not limits.auto_resize):
        return Fitted(f"image/{format.lower()}", data)
    for attempt in _attempts(_upright(opened), shown, format in _LOSSY, limits):
        check()
        if limits.hold_size(len(attempt.data)):
            return attempt
    raise ImageUnfit(f"{_measure(shown, data)} can't be brought down to {_describe(limits)}")


def _upright(image: "Image") -> "Image":
    """What is encoded anew loses what the camera has noted, so it is turned as the camera was held."""
    from PIL import ImageOps

    turned = ImageOps.exif_transpose(image)
    if turned.mode in ("RGB", "RGBA", "L"):
        return turned
    transparent = turned.mode in ("LA", "PA", "La", "RGBa") or "transparency" in turned.info
    return turned.convert("RGBA" if transparent else "RGB")


def _attempts(image: "Image", size: tuple[int, int], lossy: bool, limits: ImageLimits) -> Iterator[Fitted]:
    """What was lossy before stays so: as PNG a photograph is many times as large, and takes long to make."""
    from PIL.Image import Resampling

    encodings = (_as_jpeg, _as_png) if lossy else (_as_png, _as_jpeg)
    for target in sizes(size, limits):
        smaller = image
        if target != image.size:
            smaller = image.resize(target, Resampling.LANCZOS, reducing_gap=3.0)  # pyright: ignore[reportUnknownMemberType]
        for encode in encodings:
            yield from encode(smaller)


def _as_png(image: "Image") -> Iterator[Fitted]:
    yield Fitted("image/png", _encode(image, "PNG"))


def _as_jpeg(image: "Image") -> Iterator[Fitted]:
    opaque = _on_white(image)
    for quality in _QUALITIES:
        yield Fitted("image/jpeg", _encode(opaque, "JPEG", quality=quality))


def sizes(size: tuple[int, int], limits: ImageLimits) -> Iterator[tuple[int, int]]:
    """The largest within the limits, then ever smaller ones, down to a single pixel."""
    width, height = size
    scale = min(1.0, limits.max_width / width, limits.max_height / height)
    width, height = max(1, round(width * scale)), max(1, round(height * scale))
    for _ in range(_STEPS):
        yield width, height
        if (width, height) == (1, 1):
            return
        width, height = max(1, int(width * _SHRINK)), max(1, int(height * _SHRINK))


def _on_white(image: "Image") -> "Image":
    """JPEG has no transparency."""
    from PIL import Image

    if image.mode != "RGBA":
        return image
    ground = Image.new("RGB", image.size, "white")
    ground.paste(image, mask=image.getchannel("A"))
    return ground


def _encode(image: "Image", format: str, **options: int) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def _measure(size: tuple[int, int], data: bytes) -> str:
    return f"{size[0]}x{size[1]} pixels and {(len(data) + 2) // 3 * 4} bytes of base64"


def _describe(limits: ImageLimits) -> str:
    return f"{limits.max_width}x{limits.max_height} and {limits.max_base64_bytes}"
