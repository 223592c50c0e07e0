import os
import subprocess
from pathlib import Path

from oad.workers.watching.head import find_git_directory, read_branch


def git(directory: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main")
    subprocess.run(["git", *identity, *arguments], cwd=directory, check=True, capture_output=True)


def test_repository_worktree_and_detached(tmp_path: Path) -> None:
    repo = tmp_path / "repo"
    repo.mkdir()
    git(repo, "init", "-q")
    git(repo, "commit", "-q", "--allow-empty", "-m", "root")
    git(repo, "worktree", "add", "-q", "-b", "feature/x", "../other")
    found = find_git_directory(repo)
    assert found == repo / ".git"
    assert read_branch(found) == "main"
    other = find_git_directory(tmp_path / "other")
    assert other is not None
    assert read_branch(other) == "feature/x"
    git(repo, "checkout", "-q", "--detach")
    assert read_branch(found) is None


def test_none(tmp_path: Path) -> None:
    assert find_git_directory(tmp_path) is None
    (tmp_path / ".git").write_text("nonsense")
    assert find_git_directory(tmp_path) is None
    (tmp_path / ".git").unlink()
    (tmp_path / ".git").mkdir()
    os.mkfifo(tmp_path / ".git/HEAD")
    assert read_branch(tmp_path / ".git") is None
