import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from oad.workers.config import project as project_module
from oad.workers.config.places import Places
from oad.workers.config.watch import Watch

from .tree import Tree


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tree]:
    """A home and a repository of one's own; nothing of the machine's configuration is seen."""
    for name in list(os.environ):
        if name.startswith(("OPENCODE_", "XDG_")):
            monkeypatch.delenv(name)
    tree = Tree(tmp_path)
    monkeypatch.setenv("HOME", str(tree.home))
    yield tree
    project_module._cache.clear()


@pytest.fixture
def watch() -> Watch:
    return Watch(os.environ)


@pytest.fixture
def places(tree: Tree) -> Places:
    return Places(
        home=tree.home,
        config=tree.home / ".config" / "opencode",
        state=tree.home / ".local" / "state" / "opencode",
        managed=tree.root / "managed",
    )
