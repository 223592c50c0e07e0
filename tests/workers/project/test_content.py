import base64
import os
from pathlib import Path

import pytest

from oad.contract.errors import ApiError
from oad.contract.files import FileContent
from oad.workers.project.content import read_bytes, read_content

from .conftest import Git
from .local_exec import LocalExec, NoExec


async def read(root: Path, path: str) -> FileContent:
    return await read_content(LocalExec(), str(root), path)


@pytest.mark.parametrize(
    ("name", "data", "text"),
    [
        ("a.md", b"hello\n", "hello"),
        ("padded", b"  padded  \n\n", "padded"),
        ("empty.txt", b"", ""),
        ("pic.svg", b"<svg/>\n", "<svg/>"),
        ("a.ts", b"let a = 1\n", "let a = 1"),
        (".env", b"KEY=1\n", "KEY=1"),
        ("u.txt", "naïve – ☃".encode(), "naïve – ☃"),
    ],
)
async def test_text(repo: Path, name: str, data: bytes, text: str) -> None:
    (repo / name).write_bytes(data)
    assert await read(repo, name) == FileContent(type="text", content=text)


@pytest.mark.parametrize(
    ("name", "data", "media"),
    [
        ("pic.png", b"\x89PNG", "image/png"),
        ("bin.dat", bytes(range(256)), "application/octet-stream"),
        ("nul.txt", b"a\0b", "text/plain"),
        ("latin.txt", b"caf\xe9", "text/plain"),
    ],
)
async def test_binary(repo: Path, name: str, data: bytes, media: str) -> None:
    (repo / name).write_bytes(data)
    encoded = base64.b64encode(data).decode()
    assert await read(repo, name) == FileContent(type="binary", content=encoded, encoding="base64", mime_type=media)


async def test_missing_files_are_empty(repo: Path) -> None:
    assert await read(repo, "none/there.png") == FileContent(type="text", content="")


async def test_a_changed_file_has_its_difference(repo: Path, git: Git) -> None:
    (repo / "src/a.txt").write_text("one\ntwo\nthree\n")
    git(repo, "add", ".")
    git(repo, "commit", "-qm", "a")
    assert (await read(repo, "src/a.txt")).diff is None
    (repo / "src/a.txt").write_text("one\n2\nthree\n")
    (repo / "link").symlink_to("src/a.txt")
    for path in ("src/a.txt", "link"):
        content = await read(repo, path)
        assert content.content == "one\n2\nthree"
        assert content.diff is not None
        assert content.diff.startswith("diff --git a/src/a.txt b/src/a.txt\n")
        assert content.patch is not None
        assert [hunk.lines for hunk in content.patch.hunks] == [[" one", "-two", "+2", " three"]]
    assert (await read_content(NoExec(), str(repo), "src/a.txt")).diff is None


async def test_too_large(repo: Path) -> None:
    with (repo / "huge").open("wb") as file:
        file.truncate(17 << 20)
    with pytest.raises(ApiError, match="huge is larger than 16 MiB"):
        await read(repo, "huge")


async def test_what_is_no_file_never_hangs(repo: Path) -> None:
    os.mkfifo(repo / "fifo")
    (repo / "zero").symlink_to("/dev/zero")
    for path, message in (
        ("fifo", "neither"),
        ("zero", "leads out"),
        ("src", "is a directory"),
        ("", "is a directory"),
    ):
        with pytest.raises(ApiError, match=message):
            await read(repo, path)


async def test_files_without_a_size(repo: Path) -> None:
    assert (await read_content(NoExec(), "/proc/sys/kernel", "ostype")).content == "Linux"


async def test_bytes_as_they_are(repo: Path) -> None:
    (repo / "page.html").write_bytes(b" <p>\xff\n")
    answer = await read_bytes(str(repo), "page.html")
    assert answer.body == b" <p>\xff\n"
    assert answer.headers["content-type"] == "text/html"
    assert "sandbox" in answer.headers["content-security-policy"]
    with pytest.raises(ApiError) as caught:
        await read_bytes(str(repo), "none")
    assert caught.value.status == 404
