import struct
import subprocess
import sys
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from oad.workers.images.fitting import ImageUnfit, fit_image, sizes
from oad.workers.images.limits import ImageLimits

from .pictures import picture, shown

SMALL = ImageLimits(max_width=100, max_height=100)


@pytest.mark.parametrize("format", ["PNG", "JPEG", "GIF", "WEBP"])
def test_what_fits_stays_as_it_is(format: str) -> None:
    data = picture(100, 40, format)
    fitted = fit_image(data, SMALL)
    assert fitted.data is data
    assert fitted.mime == f"image/{format.lower()}"


@pytest.mark.parametrize(("format", "mime"), [("PNG", "png"), ("JPEG", "jpeg"), ("GIF", "png"), ("WEBP", "png")])
def test_what_is_too_large_is_made_smaller(format: str, mime: str) -> None:
    fitted = fit_image(picture(400, 200, format), SMALL)
    image = shown(fitted.data)
    assert (fitted.mime, image.size) == (f"image/{mime}", (100, 50))
    assert image.convert("RGB").getpixel((5, 5))[0] > 240  # type: ignore[index]
    assert min(image.convert("RGB").getpixel((95, 45))) > 240  # type: ignore[type-var]


@pytest.mark.parametrize("format", ["BMP", "ICO"])
def test_what_models_do_not_take_becomes_what_they_take(format: str) -> None:
    fitted = fit_image(picture(64, 64, format), SMALL)
    assert (fitted.mime, shown(fitted.data).size) == ("image/png", (64, 64))
    assert fit_image(picture(64, 64, format), ImageLimits(auto_resize=False)).mime == f"image/{format.lower()}"


@pytest.mark.parametrize("mode", ["L", "LA", "P", "1", "RGBA", "I;16", "CMYK"])
def test_every_kind_of_pixels(mode: str) -> None:
    data = picture(200, 200, "JPEG" if mode == "CMYK" else "PNG", mode=mode)
    assert shown(fit_image(data, SMALL).data).size == (100, 100)
    assert fit_image(data, ImageLimits(max_base64_bytes=800)).data


def test_bytes_are_a_limit_too() -> None:
    data = picture(300, 300, noise=True)
    limits = ImageLimits(max_base64_bytes=20_000)
    fitted = fit_image(data, limits)
    assert fitted.mime == "image/jpeg"
    assert len(fitted.data) * 4 / 3 <= 20_000
    assert shown(fitted.data).width > 100


def test_transparency_becomes_white_where_it_is_lost() -> None:
    image = Image.new("RGBA", (400, 400), (0, 0, 0, 0))
    image.putdata([(value % 251, value % 241, value % 239, 0) for value in range(400 * 400)])
    import io

    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    fitted = fit_image(buffer.getvalue(), ImageLimits(max_base64_bytes=8000))
    assert fitted.mime == "image/jpeg"
    assert min(shown(fitted.data).getpixel((50, 50))) > 250  # type: ignore[type-var]


def test_a_picture_is_shown_as_the_camera_was_held() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turn it to the right
    data = picture(400, 200, "JPEG", exif=exif)
    image = shown(fit_image(data, ImageLimits(max_width=100, max_height=1000)).data)
    assert image.size == (100, 200)
    assert image.getpixel((90, 10))[1] < 60 < image.getpixel((10, 10))[1]  # type: ignore[index]
    assert not image.getexif()
    assert fit_image(data, ImageLimits(max_width=200, max_height=400)).data is data
    assert fit_image(data, ImageLimits(max_width=400, max_height=200)).data is not data


def test_only_within_the_limits_unless_it_may_be_changed() -> None:
    limits = ImageLimits(auto_resize=False, max_width=100, max_height=100)
    assert fit_image(picture(100, 100), limits).data
    with pytest.raises(ImageUnfit, match=r"101x100 pixels .* exceed 100x100 .*auto_resize is off"):
        fit_image(picture(101, 100), limits)


def test_what_can_not_be_made_to_fit() -> None:
    with pytest.raises(ImageUnfit, match="can't be brought down to 2000x2000 and 50"):
        fit_image(picture(50, 50), ImageLimits(max_base64_bytes=50))


@pytest.mark.parametrize(
    "data",
    [b"", b"no picture", b"\x89PNG\r\n\x1a\n", picture(300, 300, noise=True)[:-2000], picture(30, 30, "JPEG")[:200]],
)
def test_what_is_broken(data: bytes) -> None:
    with pytest.raises(ImageUnfit, match=r"damaged|decoded"):
        fit_image(data, ImageLimits())


def test_a_bomb_is_not_decoded() -> None:
    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0))
    data = b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    with pytest.raises(ImageUnfit, match="exceeds limit"):
        fit_image(data, ImageLimits())


def test_other_formats_are_not_even_tried() -> None:
    with pytest.raises(ImageUnfit, match="it is none of PNG"):
        fit_image(picture(10, 10, "TIFF"), ImageLimits())


def test_it_can_be_interrupted() -> None:
    class Interrupted(BaseException):
        pass

    def interrupt() -> None:
        raise Interrupted

    with pytest.raises(Interrupted):
        fit_image(picture(200, 200), SMALL, interrupt)


@given(
    st.integers(1, 5000),
    st.integers(1, 5000),
    st.builds(ImageLimits, max_width=st.integers(1, 3000), max_height=st.integers(1, 3000)),
)
def test_sizes_fall_within_the_limits(width: int, height: int, limits: ImageLimits) -> None:
    found = list(sizes((width, height), limits))
    assert all(0 < w <= min(width, limits.max_width) and 0 < h <= min(height, limits.max_height) for w, h in found)
    assert found == sorted(found, reverse=True)
    assert len(found) <= 32


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=60), st.integers(0, 400))
def test_damaged_pictures_raise_nothing_else(junk: bytes, at: int) -> None:
    for format in ("PNG", "JPEG", "GIF", "WEBP", "BMP", "ICO"):
        data = picture(20, 20, format)
        try:
            fit_image(data[:at] + junk + data[at + len(junk) :], ImageLimits())
        except ImageUnfit:
            pass


def test_pillow_is_not_imported_before_it_is_needed() -> None:
    code = "import sys, oad.workers.session.images; sys.exit('PIL' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
