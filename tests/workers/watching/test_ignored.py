from pathlib import Path

import pytest

from oad.workers.watching.ignored import Ignored


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("src/a.py", False),
        ("node_modules/", True),
        ("src/__pycache__/", True),
        (".git/", True),
        ("build/", True),
        ("build", False),  # the pattern means a directory
        ("a.log", True),
        ("src/deep/a.log", True),
        ("src/keep.log", False),  # taken back by a file further down
        ("src/own", True),
        ("own", False),
        ("secret", True),
        ("more", True),
    ],
)
def test_rules(path: str, expected: bool, tmp_path: Path) -> None:
    write(tmp_path / ".gitignore", "build/\n*.log\n")
    write(tmp_path / "src/.gitignore", "!keep.log\nown\n")
    write(tmp_path / ".git/info/exclude", "secret\n")
    ignored = Ignored(tmp_path, tmp_path, ["more"])
    assert ignored(tmp_path / path, is_directory=path.endswith("/")) is expected


def test_rules_above_the_root_hold_up_to_the_worktree(tmp_path: Path) -> None:
    write(tmp_path / ".gitignore", "all\n")
    write(tmp_path / "repo/.gitignore", "*.tmp\n")
    (tmp_path / "repo/sub").mkdir()
    ignored = Ignored(tmp_path / "repo/sub", tmp_path / "repo")
    assert ignored(tmp_path / "repo/sub/a.tmp", is_directory=False)
    assert not ignored(tmp_path / "repo/sub/all", is_directory=False)


def test_without_a_repository_only_own_rules(tmp_path: Path) -> None:
    write(tmp_path / ".gitignore", "x\n")
    (tmp_path / "sub").mkdir()
    assert not Ignored(tmp_path / "sub", Path("/"))(tmp_path / "sub/x", is_directory=False)
