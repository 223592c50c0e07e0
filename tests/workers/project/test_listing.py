import os
from pathlib import Path

import pytest

from oad.contract.errors import ApiError
from oad.workers.project import listing
from oad.workers.project.ignored_names import IgnoredNames
from oad.workers.project.listing import IsFile, list_entries, list_nodes

from .conftest import Git
from .local_exec import LocalExec, NoExec


async def names(root: Path, path: str = "") -> list[str]:
    return [node.path for node in await list_nodes(IgnoredNames(LocalExec()), str(root), path)]


async def test_directories_first_whatever_the_case(tmp_path: Path) -> None:
    root = tmp_path / "root"
    for directory in ("src", ".hidden", "Docs"):
        (root / directory).mkdir(parents=True)
    for file in ("README.md", "a.txt", ".env", "Z"):
        (root / file).write_text("")
    (root / "src/b").write_text("")
    assert await names(root) == [".hidden/", "Docs/", "src/", ".env", "a.txt", "README.md", "Z"]
    (node,) = await list_nodes(IgnoredNames(LocalExec()), str(root), "src/")
    assert (node.name, node.path, node.absolute, node.type) == ("b", "src/b", f"{root}/src/b", "file")


async def test_what_git_ignores_is_marked(repo: Path, git: Git) -> None:
    (repo / ".gitignore").write_text("out/\n*.log\nsrc/x\n")
    (repo / "out").mkdir()
    for file in ("out/o", "a.log", "kept.log", "src/x", "src/y"):
        (repo / file).write_text("")
    git(repo, "add", "-f", "kept.log")
    nodes = await list_nodes(IgnoredNames(LocalExec()), str(repo), "")
    assert [node.path for node in nodes if node.ignored] == ["out/", "a.log"]
    assert [node.ignored for node in await list_nodes(IgnoredNames(LocalExec()), str(repo), "src")] == [True, False]
    assert [node.ignored for node in await list_nodes(IgnoredNames(LocalExec()), str(repo), "out")] == [True]
    assert not any(node.ignored for node in await list_nodes(IgnoredNames(NoExec()), str(repo), ""))
    assert not any(node.ignored for node in await list_nodes(IgnoredNames(LocalExec()), str(repo), ".git"))


async def test_symbolic_links_and_devices_are_left_out(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "round").symlink_to(".")
    (root / "out").symlink_to("/etc")
    os.mkfifo(root / "fifo")
    assert await names(root) == []


async def test_names_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"\xff")).mkdir()
    assert await names(tmp_path) == ["home/", "�/"]


async def test_what_is_no_directory(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (repo / "file").write_text("")
    os.mkfifo(repo / "fifo")
    with pytest.raises(IsFile):
        await names(repo, "file")
    for path, message in (("fifo", "Not a directory"), ("none", "There is no such directory"), ("..", "leads out")):
        with pytest.raises(ApiError, match=message):
            await names(repo, path)
    with pytest.raises(ApiError, match="Not a directory"):
        await list_entries(str(repo), "file")
    monkeypatch.setattr(listing, "_MAX_ENTRIES", 2)
    with pytest.raises(ApiError, match="more than 2 entries"):
        await names(repo)


async def test_entries(repo: Path) -> None:
    (repo / "src/a").write_text("")
    found = await list_entries(str(repo), "src")
    assert [(entry.path, entry.type) for entry in found] == [("src/a", "file")]
    assert [entry.path for entry in await list_entries(str(repo), "")] == [".git/", "src/"]
