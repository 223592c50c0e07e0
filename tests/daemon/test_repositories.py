"""What of a workspace is protected, and which repository elsewhere belongs to it."""

import subprocess
from pathlib import Path

import pytest

from oad.daemon.repositories import Repository, find_git_directories, find_protected, find_repository

WHO = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "protocol.file.allow=always")


def git(directory: Path, *arguments: str) -> None:
    subprocess.run(["git", *WHO, "-C", str(directory), *arguments], check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    main = tmp_path / "main"
    main.mkdir()
    git(main, "init", "-q")
    git(main, "commit", "-q", "--allow-empty", "-m", "x")
    return main


def protected(root: Path, home: str = "/nowhere") -> set[str]:
    return {str(Path(path).relative_to(root)) for path in find_protected([str(root)], home)}


def test_a_repository(repository: Path) -> None:
    assert protected(repository) == {".git/hooks", ".git/config"}
    assert find_git_directories([str(repository)]) == []


def test_settings_of_agents(repository: Path) -> None:
    (repository / "opencode.json").write_text("{}")
    (repository / ".opencode/plans").mkdir(parents=True)
    (repository / ".opencode/agent").mkdir()
    (repository / "sub/.opencode").mkdir(parents=True)
    (repository / "sub/.opencode/opencode.jsonc").write_text("{}")
    assert protected(repository) - {".git/hooks", ".git/config"} == {
        "opencode.json", ".opencode/agent", "sub/.opencode/opencode.jsonc",
    }  # fmt: skip


def test_repositories_inside(repository: Path) -> None:
    inner = repository / "packages/inner"
    inner.mkdir(parents=True)
    git(inner, "init", "-q")
    hidden_away = repository / "node_modules/x"
    hidden_away.mkdir(parents=True)
    git(hidden_away, "init", "-q")
    assert {"packages/inner/.git/hooks", "packages/inner/.git/config"} <= protected(repository)
    assert not [path for path in protected(repository) if "node_modules" in path]


def test_a_linked_worktree(repository: Path, tmp_path: Path) -> None:
    linked = tmp_path / "linked"
    git(repository, "worktree", "add", "-q", str(linked))
    assert protected(linked) == {".git"}
    (found,) = find_git_directories([str(linked)])
    own = repository / ".git"
    assert found.common == own
    assert set(found.writable) == {own / "objects", own / "refs", own / "logs", own / "worktrees/linked"}
    assert {".git/worktrees/linked/gitdir", ".git/worktrees/linked/commondir"} <= protected(repository)


def test_a_submodule(repository: Path, tmp_path: Path) -> None:
    outer = tmp_path / "outer"
    outer.mkdir()
    git(outer, "init", "-q")
    git(outer, "submodule", "--quiet", "add", str(repository), "sub")
    own = outer / ".git/modules/sub"
    assert find_git_directories([str(outer / "sub")]) == [(own, (own,))]
    assert find_repository(str(outer / "sub")) == (own, outer / "sub")
    assert {".git/modules/sub/hooks", ".git/modules/sub/config", "sub/.git"} <= protected(outer)


def test_a_pointer_that_nobody_returns_is_not_believed(repository: Path, tmp_path: Path) -> None:
    """A command could write whatever it likes into ``.git``, and have it writable for the next session."""
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    git(repository, "worktree", "add", "-q", str(tmp_path / "linked"))
    for target in (repository / ".git/worktrees/linked", repository / ".git", tmp_path, "/etc", "nothing"):
        (workspace / ".git").write_text(f"gitdir: {target}\n")
        assert find_git_directories([str(workspace)]) == []
        assert find_repository(str(workspace)) is None
    trap = tmp_path / "worktrees/x"
    trap.mkdir(parents=True)
    (trap / "gitdir").write_text(f"{workspace}/.git\n")
    (workspace / ".git").write_text(f"gitdir: {trap}\n")
    assert find_git_directories([str(workspace)]) == [], "its parent is no repository"


def test_startup_files_when_the_home_is_the_workspace(tmp_path: Path) -> None:
    (tmp_path / ".bashrc").write_text("")
    (tmp_path / ".config/opencode").mkdir(parents=True)
    assert protected(tmp_path, str(tmp_path)) == {".bashrc", ".config/opencode"}
    assert protected(tmp_path) == set()


def test_a_large_workspace_takes_no_time(tmp_path: Path) -> None:
    for number in range(500):
        (tmp_path / f"d{number:03}" / "inner").mkdir(parents=True)
    (tmp_path / "d000/opencode.json").write_text("{}")
    (tmp_path / "d499/opencode.json").write_text("{}")
    assert protected(tmp_path) == {"d000/opencode.json"}


def test_the_repository_of_a_directory(repository: Path, tmp_path: Path) -> None:
    inner = repository / "a/b"
    inner.mkdir(parents=True)
    linked = tmp_path / "linked"
    git(repository, "worktree", "add", "-q", str(linked))
    for directory in (repository, inner, linked):
        assert find_repository(str(directory)) == Repository(repository / ".git", repository)
    assert find_repository(str(tmp_path)) is None
    (tmp_path / "fake/.git").mkdir(parents=True)
    assert find_repository(str(tmp_path / "fake")) is None
