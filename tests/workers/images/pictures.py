"""Pictures for tests."""

import io
import random
from typing import Any

from PIL import Image


def picture(
    width: int, height: int, format: str = "PNG", *, mode: str = "RGB", noise: bool = False, **more: Any
) -> bytes:
    """The upper left quarter is red, the rest white; or noise, which hardly gets smaller."""
    image = Image.new("RGB", (width, height), "white")
    image.paste("red", (0, 0, width // 2, height // 2))
    if noise:
        image = Image.frombytes("RGB", (width, height), random.Random(1).randbytes(3 * width * height))
    buffer = io.BytesIO()
    image.convert(mode).save(buffer, format, **more)
    return buffer.getvalue()


def shown(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image
