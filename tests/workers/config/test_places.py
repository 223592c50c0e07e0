from pathlib import Path

import pytest

from oad.workers.config.places import TOP, expand_home, find_places, find_worktree, levels
from oad.workers.config.watch import Watch

from .tree import Tree


def test_places_follow_the_environment() -> None:
    plain = find_places(Watch({"HOME": "/h"}))
    assert (plain.config, plain.state) == (Path("/h/.config/opencode"), Path("/h/.local/state/opencode"))
    moved = find_places(Watch({"HOME": "/h", "XDG_CONFIG_HOME": "/c", "XDG_STATE_HOME": "/s"}))
    assert (moved.config, moved.state) == (Path("/c/opencode"), Path("/s/opencode"))


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("~", "/h"),
        ("~/x", "/h/x"),
        ("$HOME", "/h"),
        ("$HOME/x", "/h/x"),
        ("~x", "~x"),
        ("$HOMEX", "$HOMEX"),
        ("a/~", "a/~"),
    ],
)
def test_expand_home(path: str, expected: str) -> None:
    assert expand_home(path, "/h") == expected


def test_worktree(tree: Tree) -> None:
    assert find_worktree(Watch({}), tree.sub) == tree.repo
    assert find_worktree(Watch({}), tree.home) == TOP


def test_a_linked_worktree_has_a_file(tree: Tree) -> None:
    linked = tree.root / "linked"
    linked.mkdir()
    (linked / ".git").write_text("gitdir: elsewhere")
    assert find_worktree(Watch({}), linked) == linked


def test_levels_end_at_the_worktree(tree: Tree) -> None:
    assert levels(tree.sub, tree.repo) == [tree.sub, tree.repo / "a", tree.repo]
    assert levels(tree.repo, tree.repo) == [tree.repo]


def test_levels_without_a_repository_end_where_strangers_may_write(tmp_path: Path) -> None:
    shared, mine = tmp_path / "shared", tmp_path / "shared" / "mine"
    deep = mine / "deep"
    deep.mkdir(parents=True)
    shared.chmod(0o1777)
    assert levels(deep, TOP) == [deep, mine]
    assert levels(shared, TOP)[0] == shared  # one's own directory counts whoever may write to it
