"""Changes that are taken from one worktree to another."""

from pathlib import Path

import pytest

from oad.contract.errors import ApiError
from oad.workers.project.moving import Moving

from .conftest import Git
from .local_exec import LocalExec


async def ask(op: str, directory: Path, body: bytes = b"") -> bytes:
    return (await Moving(LocalExec(), None).handle(f"changes.{op}", {"directory": str(directory)}, body)).body


@pytest.fixture
def other(repo: Path, git: Git) -> Path:
    """A second worktree of a repository with a file."""
    (repo / "a.txt").write_text("one\ntwo\n")
    (repo / "old.txt").write_text("old\n")
    git(repo, "add", ".")
    git(repo, "commit", "-q", "-m", "files")
    git(repo, "worktree", "add", "-q", str(repo.parent / "other"))
    return repo.parent / "other"


def change(repo: Path, git: Git) -> None:
    (repo / "a.txt").write_text("one\nthree\n")
    (repo / "new.bin").write_bytes(b"\0\1\xff")
    (repo / "latin.txt").write_bytes(b"caf\xe9\n")
    (repo / "old.txt").unlink()
    git(repo, "add", "a.txt")


async def test_all_of_them_move(repo: Path, other: Path, git: Git) -> None:
    change(repo, git)
    before = git(repo, "status", "--porcelain").replace("M  a.txt", " M a.txt")
    patch = await ask("capture", repo)
    await ask("put", other, patch)
    await ask("take", repo, patch)
    assert git(repo, "status", "--porcelain") == ""
    assert (repo / "a.txt").read_text() == "one\ntwo\n"
    assert git(other, "status", "--porcelain") == before.strip()
    assert (other / "new.bin").read_bytes() == b"\0\1\xff"
    assert (other / "latin.txt").read_bytes() == b"caf\xe9\n"


async def test_without_changes_there_is_nothing_to_take(repo: Path, other: Path) -> None:
    assert await ask("capture", repo) == b""


@pytest.mark.parametrize("op", ["put", "take"])
async def test_what_does_not_fit_changes_nothing(op: str, repo: Path, other: Path, git: Git) -> None:
    change(repo, git)
    patch = await ask("capture", repo)
    (other / "a.txt").write_text("something else\n")
    with pytest.raises(ApiError) as caught:
        await ask(op, other, patch)
    assert caught.value.status == 400
    assert git(other, "status", "--porcelain") == "M a.txt"
    assert (other / "old.txt").exists()
