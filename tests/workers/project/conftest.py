import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from oad.workers.config import project as project_module

Git = Callable[..., str]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Nothing of the machine's configuration is seen."""
    for name in list(os.environ):
        if name.startswith(("OPENCODE_", "XDG_", "GIT_")):
            monkeypatch.delenv(name)
    home = tmp_path / "home"
    home.mkdir()
    (home / ".gitconfig").write_text("[user]\n name = t\n email = t@example.org\n[init]\n defaultBranch = main\n")
    monkeypatch.setenv("HOME", str(home))
    yield home
    project_module._cache.clear()


@pytest.fixture
def git() -> Git:
    def run(directory: Path, *arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=directory, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    return run


@pytest.fixture
def repo(tmp_path: Path, git: Git) -> Path:
    """A repository with one commit and a subdirectory."""
    repo = tmp_path / "repo"
    (repo / "src").mkdir(parents=True)
    git(repo, "init", "-q")
    git(repo, "commit", "-q", "--allow-empty", "-m", "root")
    return repo
