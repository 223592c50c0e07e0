from pathlib import Path

from oad.contract.catalogue import VcsInfo
from oad.workers.project.branches import read_branches

from .conftest import Git
from .local_exec import LocalExec


async def read(directory: Path | str) -> tuple[str | None, str | None]:
    info = await read_branches(LocalExec(), str(directory))
    return info.branch, info.default_branch


async def test_the_usual_name(repo: Path, git: Git) -> None:
    assert await read(repo) == ("main", "main")
    git(repo, "checkout", "-q", "-b", "feature/x")
    assert await read(repo) == ("feature/x", "main")


async def test_a_remote_tells(repo: Path, tmp_path: Path, git: Git) -> None:
    git(repo, "branch", "-m", "stable")
    git(tmp_path, "clone", "-q", str(repo), "clone")
    git(tmp_path / "clone", "checkout", "-q", "-b", "main")
    assert await read(tmp_path / "clone") == ("main", "stable")


async def test_a_single_branch_is_the_default(repo: Path, git: Git) -> None:
    git(repo, "branch", "-m", "only")
    assert await read(repo) == ("only", "only")
    git(repo, "branch", "second")
    assert await read(repo) == ("only", None)


async def test_a_detached_head(repo: Path, git: Git) -> None:
    git(repo, "checkout", "-q", "--detach")
    assert await read(repo) == (None, "main")


async def test_no_commits(tmp_path: Path, git: Git) -> None:
    git(tmp_path, "init", "-q", "-b", "trunk", "empty")
    assert await read(tmp_path / "empty") == ("trunk", None)


async def test_no_repository() -> None:
    assert await read_branches(LocalExec(), "/") == VcsInfo()
