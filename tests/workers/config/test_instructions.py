import os

from oad.workers.config.instructions import find_instructions
from oad.workers.config.places import Places
from oad.workers.config.settings import Config
from oad.workers.config.watch import Watch

from .tree import Tree


def find(tree: Tree, places: Places, *entries: str, **environ: str) -> list[str]:
    found = find_instructions(Watch(environ), places, tree.sub, tree.repo, Config(instructions=list(entries)))
    return [os.path.relpath(each.path, tree.root) for each in found]


def test_nearest_first(tree: Tree, places: Places) -> None:
    tree.write("repo/AGENTS.md", "top")
    tree.write("repo/a/b/AGENTS.md", "near")
    tree.write("AGENTS.md", "outside the repository")
    assert find(tree, places) == ["repo/a/b/AGENTS.md", "repo/AGENTS.md"]


def test_only_the_preferred_kind(tree: Tree, places: Places) -> None:
    tree.write("repo/CONTEXT.md", "c")
    assert find(tree, places) == ["repo/CONTEXT.md"]
    tree.write("repo/a/CLAUDE.md", "c")
    assert find(tree, places) == ["repo/a/CLAUDE.md"]
    assert find(tree, places, OPENCODE_DISABLE_CLAUDE_CODE_PROMPT="1") == ["repo/CONTEXT.md"]
    tree.write("repo/AGENTS.md", "a")
    assert find(tree, places) == ["repo/AGENTS.md"]


def test_the_users_own(tree: Tree, places: Places) -> None:
    tree.write("home/.claude/CLAUDE.md", "c")
    assert find(tree, places) == ["home/.claude/CLAUDE.md"]
    assert find(tree, places, OPENCODE_DISABLE_CLAUDE_CODE="1") == []
    tree.write("home/.config/opencode/AGENTS.md", "a")
    assert find(tree, places) == ["home/.config/opencode/AGENTS.md"]
    extra = tree.write("folder/AGENTS.md", "x")
    assert find(tree, places, OPENCODE_CONFIG_DIR=str(extra.parent)) == ["folder/AGENTS.md"]


def test_configured_paths_and_patterns(tree: Tree, places: Places) -> None:
    tree.write("repo/docs/one.md", "1")
    tree.write("repo/docs/two.md", "2")
    tree.write("repo/docs/deep/three.md", "3")
    tree.write("repo/a/b/near.md", "n")
    outside = tree.write("outside/x.md", "x")
    tree.write("home/mine.md", "m")
    assert find(tree, places, "near.md", "docs/*.md") == ["repo/a/b/near.md", "repo/docs/one.md", "repo/docs/two.md"]
    assert find(tree, places, "docs/**/*.md") == ["repo/docs/deep/three.md", "repo/docs/one.md", "repo/docs/two.md"]
    assert find(tree, places, str(outside), "~/mine.md") == ["outside/x.md", "home/mine.md"]
    assert find(tree, places, "missing.md", "docs", "https://example.org/x.md") == []
    assert find(tree, places, "docs/one.md", OPENCODE_DISABLE_PROJECT_CONFIG="1") == []


def test_each_file_once_and_no_empty_ones(tree: Tree, places: Places) -> None:
    tree.write("repo/AGENTS.md", "a")
    tree.write("repo/empty.md", " \n")
    assert find(tree, places, "AGENTS.md", "*.md", "empty.md") == ["repo/AGENTS.md"]


def test_a_new_match_is_noticed(tree: Tree, places: Places) -> None:
    tree.write("repo/docs/one.md", "1")
    watch = Watch({})
    find_instructions(watch, places, tree.sub, tree.repo, Config(instructions=["docs/*.md"]))
    tree.write("repo/docs/two.md", "2")
    assert not watch.holds()
