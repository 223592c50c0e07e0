from pathlib import Path
from typing import Any

import pytest

from oad.contract.errors import ApiError
from oad.workers.config.load import Loaded, load_config, load_global
from oad.workers.config.places import Places, find_worktree
from oad.workers.config.watch import Watch

from .tree import Tree


def load(tree: Tree, places: Places, environ: dict[str, str] | None = None, directory: Path | None = None) -> Loaded:
    watch = Watch({"HOME": str(tree.home), **(environ or {})})
    directory = directory or tree.sub
    return load_config(watch, places, directory, find_worktree(watch, directory))


def test_nothing_configured(tree: Tree, places: Places) -> None:
    loaded = load(tree, places)
    assert loaded.raw["command"] == {}
    assert loaded.raw["agent"] == {}
    assert loaded.config.username
    assert loaded.problems == []


def test_later_sources_win_in_order(tree: Tree, places: Places) -> None:
    managed = tree.root / "managed"
    extra, folder = tree.root / "extra.json", tree.root / "folder"
    environ = {"OPENCODE_CONFIG": str(extra), "OPENCODE_CONFIG_DIR": str(folder)}
    inline = {"OPENCODE_CONFIG_CONTENT": '{"username": "inline"}'}
    order: list[tuple[str, dict[str, str]]] = [
        ("home/.config/opencode/config.json", {}),
        ("home/.config/opencode/opencode.json", {}),
        ("home/.config/opencode/opencode.jsonc", {}),
        ("extra.json", environ),
        ("repo/opencode.json", environ),
        ("repo/opencode.jsonc", environ),
        ("repo/a/b/opencode.json", environ),
        ("repo/a/b/.opencode/opencode.json", environ),
        ("repo/.opencode/opencode.json", environ),
        ("home/.opencode/opencode.json", environ),
        ("folder/opencode.json", environ),
        ("", {**environ, **inline}),
        ("managed/opencode.json", {**environ, **inline}),
    ]
    assert managed == places.managed
    for path, variables in order:
        expected = path or "inline"
        if path:
            tree.write(path, {"username": path})
        assert load(tree, places, variables).config.username == expected


def test_objects_merge_and_lists_do_not(tree: Tree, places: Places) -> None:
    tree.write(
        "home/.config/opencode/opencode.json", {"provider": {"p": {"name": "P", "env": ["A"]}}, "instructions": ["x"]}
    )
    tree.write("repo/opencode.json", {"provider": {"p": {"env": ["B"]}}, "instructions": ["y"]})
    config = load(tree, places).config
    assert (config.provider["p"].name, config.provider["p"].env, config.instructions) == ("P", ["B"], ["x", "y"])


def test_the_project_can_be_ignored(tree: Tree, places: Places) -> None:
    tree.write("home/.config/opencode/opencode.json", {"username": "mine"})
    tree.write("repo/opencode.json", "{broken")
    tree.write("repo/.opencode/agent/x.md", "x")
    loaded = load(tree, places, {"OPENCODE_DISABLE_PROJECT_CONFIG": "1"})
    assert loaded.config.username == "mine"
    assert loaded.config.agent == {}


def test_agents_modes_and_commands_from_files(tree: Tree, places: Places) -> None:
    tree.write("repo/.opencode/agents/deep/finder.md", "---\nmode: subagent\n---\nFind.\n")
    tree.write("home/.config/opencode/agent/own.md", "Own.")
    tree.write("repo/.opencode/mode/old.md", "---\ntemperature: 0.1\n---\nOld.")
    tree.write("repo/.opencode/command/hello.md", "---\ndescription: greets\nagent: plan\n---\nSay $ARGUMENTS\n")
    config = load(tree, places).config
    assert config.agent["deep/finder"].mode == "subagent"
    assert config.agent["own"].prompt == "Own."
    assert (config.agent["old"].mode, config.agent["old"].temperature) == ("primary", 0.1)
    assert config.command["hello"].template == "Say $ARGUMENTS"
    assert config.command["hello"].agent == "plan"


def test_a_wrong_agent_file_is_named(tree: Tree, places: Places) -> None:
    path = tree.write("repo/.opencode/agent/x.md", "---\nsteps: many\n---\n")
    with pytest.raises(ApiError) as caught:
        load(tree, places)
    assert caught.value.body["data"]["path"] == str(path)
    assert caught.value.body["data"]["issues"][0]["path"] == ["steps"]


def test_a_broken_file_is_named(tree: Tree, places: Places) -> None:
    path = tree.write("repo/opencode.json", "{x")
    with pytest.raises(ApiError) as caught:
        load(tree, places)
    assert caught.value.status == 400
    assert (caught.value.body["name"], caught.value.body["data"]["path"]) == ("ConfigJsonError", str(path))


def test_the_named_file_must_exist(tree: Tree, places: Places) -> None:
    with pytest.raises(ApiError) as caught:
        load(tree, places, {"OPENCODE_CONFIG": "/nonexistent.json"})
    assert caught.value.body["name"] == "ConfigInvalidError"


@pytest.mark.parametrize(
    ("permission", "expected"),
    [('{"bash": "deny"}', {"bash": "deny", "edit": "ask"}), ('"allow"', {"bash": "ask", "edit": "ask", "*": "allow"})],
)
def test_permissions_from_the_environment_win(tree: Tree, places: Places, permission: str, expected: Any) -> None:
    tree.write("repo/opencode.json", {"permission": {"bash": "ask", "edit": "ask"}})
    assert load(tree, places, {"OPENCODE_PERMISSION": permission}).config.permission == expected


@pytest.mark.parametrize("permission", ["{", '{"bash": "maybe"}', '"maybe"', "5"])
def test_wrong_permissions_from_the_environment(tree: Tree, places: Places, permission: str) -> None:
    with pytest.raises(ApiError) as caught:
        load(tree, places, {"OPENCODE_PERMISSION": permission})
    assert caught.value.body["data"]["path"] == "OPENCODE_PERMISSION"


def test_flags(tree: Tree, places: Places) -> None:
    tree.write("repo/opencode.json", {"compaction": {"reserved": 5}, "autoshare": True})
    config = load(tree, places).config
    assert (config.compaction.auto, config.share) == (True, "auto")
    names = ("OPENCODE_DISABLE_AUTOCOMPACT", "OPENCODE_DISABLE_PRUNE", "OPENCODE_DISABLE_SHARE")
    config = load(tree, places, dict.fromkeys(names, "1")).config
    assert (config.compaction.auto, config.compaction.prune, config.compaction.reserved) == (False, False, 5)
    assert config.share == "disabled"


def test_old_spellings(tree: Tree, places: Places) -> None:
    tree.write(
        "repo/opencode.json",
        {"tools": {"bash": False, "write": True}, "permission": {"bash": "ask"}, "mode": {"m": {"prompt": "p"}}},
    )
    config = load(tree, places).config
    assert config.permission == {"bash": "ask", "edit": "allow"}
    assert (config.agent["m"].mode, config.agent["m"].prompt) == ("primary", "p")


def test_null_is_absent(tree: Tree, places: Places) -> None:
    tree.write("home/.config/opencode/opencode.json", {"model": "a/b", "agent": {"x": {"steps": 1}}})
    tree.write("repo/opencode.json", {"model": None, "instructions": None, "agent": {"x": {"steps": None}}})
    config = load(tree, places).config
    assert (config.model, config.instructions, config.agent["x"].steps) == (None, [], None)


def test_plugins_are_told_of(tree: Tree, places: Places) -> None:
    tree.write("repo/opencode.json", {"plugin": ["some-plugin"]})
    assert "some-plugin" in load(tree, places).problems[0]


def test_global_alone(tree: Tree, places: Places, watch: Watch) -> None:
    tree.write("home/.config/opencode/opencode.json", {"username": "me"})
    tree.write("repo/opencode.json", {"username": "project"})
    assert load_global(watch, places) == {"username": "me"}
