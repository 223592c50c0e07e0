from pathlib import Path

import pytest

from oad.cli.attachment import CannotAttach, attach_files, media_type


async def test_a_file_goes_as_a_data_url(tmp_path: Path) -> None:
    file = tmp_path / "notes.md"
    file.write_text("hello")
    (made,) = await attach_files([file])
    assert (made.mime, made.filename, made.url) == ("text/plain", "notes.md", "data:text/plain;base64,aGVsbG8=")


async def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(CannotAttach, match="none: No such file"):
        await attach_files([tmp_path / "none"])


@pytest.mark.parametrize(
    ("name", "data", "expected"),
    [
        ("a.png", b"\x89PNG", "image/png"),
        ("a.pdf", b"%PDF", "application/pdf"),
        ("a.json", b"{}", "text/plain"),
        ("Makefile", b"all:", "text/plain"),
        ("a.bin", b"\xff\xfe\x00", "application/octet-stream"),
    ],
)
def test_media_types(name: str, data: bytes, expected: str) -> None:
    assert media_type(name, data) == expected
