from pathlib import Path

from oad.workers.watching.ignored import Ignored
from oad.workers.watching.tree import Change, Tree


def tree(root: Path, limit: int = 100) -> Tree:
    return Tree(root, Ignored(root, root), limit)


def make(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("x")


def test_directories_nearest_first_and_bounded(tmp_path: Path) -> None:
    make(tmp_path, "a/b/c/x", "d/x", "node_modules/m/x")
    whole = tree(tmp_path)
    assert whole.whole
    names = [Path(each).relative_to(tmp_path).as_posix() for each in whole.directories]
    assert (names[0], sorted(names[1:3]), names[3:]) == (".", ["a", "d"], ["a/b", "a/b/c"])
    cut = tree(tmp_path, limit=3)
    assert (len(cut.directories), cut.whole) == (3, False)


def test_links_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "up").symlink_to("..")
    assert tree(tmp_path).directories == [str(tmp_path)]


def test_what_batches_come_down_to(tmp_path: Path) -> None:
    make(tmp_path, "old", "replaced", "gone", "build/x")
    (tmp_path / ".gitignore").write_text("build\n")
    seen = tree(tmp_path)
    make(tmp_path, "new", "replaced")
    (tmp_path / "gone").unlink()
    raw = {
        (1, "new"), (2, "new"),
        (2, "old"),
        (1, ".replaced.tmp"), (3, ".replaced.tmp"), (1, "replaced"),
        (3, "gone"),
        (2, "build/x"),
        (2, "."),
    }  # fmt: skip
    changes, outdated = seen.changes({(kind, str(tmp_path / name)) for kind, name in raw})
    found = {Path(change.file).name: change.event for change in changes}
    # build/x comes of no directory that is watched; it is not asked for again here
    assert {name: found[name] for name in ("new", "old", "replaced", "gone")} == {
        "new": "add",
        "old": "change",
        "replaced": "change",
        "gone": "unlink",
    }
    assert ".replaced.tmp" not in found
    assert not outdated


def test_new_directories_and_rules_are_walked_again(tmp_path: Path) -> None:
    seen = tree(tmp_path)
    (tmp_path / "sub").mkdir()
    assert seen.changes({(1, str(tmp_path / "sub"))}) == ([Change(str(tmp_path / "sub"), "add")], True)
    assert seen.changes({(2, str(tmp_path / "sub"))}) == ([], False)
    make(tmp_path, ".gitignore")
    assert seen.changes({(1, str(tmp_path / ".gitignore"))})[1]
    (tmp_path / "node_modules").mkdir()
    assert seen.changes({(1, str(tmp_path / "node_modules"))}) == ([], False)
