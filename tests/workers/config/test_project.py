import time
from collections.abc import Callable
from pathlib import Path

import pytest

from oad.contract.errors import ApiError
from oad.workers.config import watch as watch_module
from oad.workers.config.project import ProjectSetup, load

from .tree import Tree


@pytest.fixture
def settled(tree: Tree) -> Callable[[], ProjectSetup]:
    """Loads until what was written is old enough to be trusted."""

    def load_settled() -> ProjectSetup:
        until = time.time_ns() + 2 * watch_module._SETTLING_NS
        while time.time_ns() <= until:
            pass
        return load(str(tree.sub))

    return load_settled


def test_the_whole(tree: Tree) -> None:
    tree.write("repo/opencode.json", {"default_agent": "writer", "permission": {"bash": "ask"}})
    tree.write("repo/.opencode/agent/writer.md", "---\nmode: primary\n---\nYou write.")
    tree.write("repo/.opencode/skill/greet/SKILL.md", "---\nname: greet\ndescription: d\n---\nHello.")
    tree.write("repo/AGENTS.md", "obey")
    setup = load(str(tree.sub), readable=("/out",))
    assert (setup.directory, setup.worktree) == (str(tree.sub), str(tree.repo))
    assert setup.default_agent().name == "writer"
    agent = setup.agent("writer")
    assert agent is not None
    assert agent.prompt == "You write."
    assert setup.agent("nobody") is None
    assert "greet" in setup.commands
    assert [each.text for each in setup.instructions()] == ["obey"]
    patterns = [rule.pattern for rule in setup.rules("writer") if rule.permission == "external_directory"]
    assert patterns == ["*", "/out/*", str(tree.repo / ".opencode/skill/greet/*"), "/out/*"]
    assert setup.rules(agent) == setup.rules("writer")
    with pytest.raises(KeyError):
        setup.rules("nobody")


def test_rules_may_be_added_to(tree: Tree) -> None:
    setup = load(str(tree.sub))
    setup.rules("build").clear()
    assert setup.rules("build")


def test_it_is_kept_while_nothing_changes(settled: Callable[[], ProjectSetup]) -> None:
    assert settled() is settled()


def test_it_is_kept_when_files_are_only_touched(tree: Tree) -> None:
    tree.write("repo/opencode.json", {"username": "me"})
    before = load(str(tree.sub))
    tree.write("repo/opencode.json", {"username": "me"})
    assert load(str(tree.sub)) is before


@pytest.mark.parametrize(
    "path",
    [
        "repo/opencode.json",
        "repo/a/opencode.jsonc",
        "repo/.opencode/opencode.json",
        "home/.config/opencode/opencode.json",
        "home/.opencode/opencode.json",
    ],
)
def test_new_configuration_is_noticed(tree: Tree, settled: Callable[[], ProjectSetup], path: str) -> None:
    before = settled()
    tree.write(path, {"username": "new"})
    assert load(str(tree.sub)).config.username == "new" != before.config.username


@pytest.mark.parametrize("name", ["agent/x.md", "agents/deep/x.md", "command/x.md", "skill/x/SKILL.md"])
def test_new_documents_are_noticed(tree: Tree, settled: Callable[[], ProjectSetup], name: str) -> None:
    before = settled()
    tree.write(f"repo/.opencode/{name}", "---\nname: x\ndescription: d\n---\nx")
    after = load(str(tree.sub))
    assert len(after.agents) + len(after.commands) > len(before.agents) + len(before.commands)


def test_changed_variables_are_noticed(
    settled: Callable[[], ProjectSetup], tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    settled()
    monkeypatch.setenv("OPENCODE_CONFIG_CONTENT", '{"username": "inline"}')
    assert load(str(tree.sub)).config.username == "inline"


def test_a_repository_that_comes_later_is_noticed(tree: Tree, settled: Callable[[], ProjectSetup]) -> None:
    assert settled().worktree == str(tree.repo)
    (tree.sub / ".git").mkdir()
    assert load(str(tree.sub)).worktree == str(tree.sub)


def test_broken_configuration_is_an_error_until_it_is_mended(tree: Tree) -> None:
    tree.write("repo/opencode.json", "{")
    for _ in range(2):
        with pytest.raises(ApiError):
            load(str(tree.sub))
    tree.write("repo/opencode.json", "{}")
    assert load(str(tree.sub)).agents


def test_instructions_near_a_file(tree: Tree) -> None:
    tree.write("repo/AGENTS.md", "top")
    tree.write("repo/pkg/AGENTS.md", "package")
    tree.write("repo/pkg/deep/CLAUDE.md", "deep")
    setup = load(str(tree.repo))
    near = setup.instructions_near(tree.repo / "pkg" / "deep" / "x.py")
    assert [each.text for each in near] == ["deep", "package"]
    assert setup.instructions_near(tree.repo / "x.py") == []
    assert setup.instructions_near(Path("/etc/passwd")) == []
    assert [each.text for each in setup.instructions_near(tree.repo / "pkg" / "AGENTS.md")] == []


def test_addresses_are_left_to_the_caller(tree: Tree) -> None:
    tree.write("repo/opencode.json", {"instructions": ["https://example.org/x.md", "y.md"]})
    assert load(str(tree.sub)).instruction_addresses() == ["https://example.org/x.md"]


def test_a_directory_that_does_not_exist(tree: Tree) -> None:
    setup = load(str(tree.root / "missing" / "deep"))
    assert setup.worktree == "/"
    assert setup.default_agent().name == "build"


def test_looking_for_changes_is_quick(settled: Callable[[], ProjectSetup], tree: Tree) -> None:
    settled()
    started = time.perf_counter()
    for _ in range(20):
        load(str(tree.sub))
    assert (time.perf_counter() - started) / 20 < 0.005  # measured: 0.14 ms; the host may be busy
