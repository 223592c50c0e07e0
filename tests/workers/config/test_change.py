import json
import os
from typing import Any

import msgspec
import pytest

from oad.contract.config_change import ConfigChange
from oad.contract.errors import ApiError
from oad.workers.config.change import change_global, change_project
from oad.workers.config.places import Places
from oad.workers.config.watch import Watch

from .tree import Tree


def change(tree: Tree, places: Places, patch: Any) -> ConfigChange:
    body = patch if isinstance(patch, bytes) else json.dumps(patch).encode()
    return change_project(Watch(os.environ), places, tree.sub, tree.repo, body)


def refusal(tree: Tree, places: Places, patch: Any) -> dict[str, Any]:
    with pytest.raises(ApiError) as caught:
        change(tree, places, patch)
    assert caught.value.status == 400
    return caught.value.body


def test_the_file_that_wins_is_changed(tree: Tree, places: Places) -> None:
    assert change(tree, places, {"username": "x"}).file == str(tree.sub / "opencode.json")
    for name in ("repo/opencode.json", "repo/opencode.jsonc", "repo/a/opencode.json", "repo/.opencode/opencode.json"):
        path = tree.write(name, {"username": "old"})
        assert change(tree, places, {"username": "x"}).file == str(path)
    tree.write("home/.opencode/opencode.json", {})
    assert change(tree, places, {"username": "x"}).file == str(path)


def test_a_new_file(tree: Tree, places: Places) -> None:
    made = change(tree, places, {"username": "x", "nonsense": 1})
    assert json.loads(made.text or b"") == {"$schema": "https://opencode.ai/config.json", "username": "x"}
    assert (made.seen, made.keys, bytes(made.answer)) == ("", ["username"], b'{"username":"x"}')


def test_nothing_to_write(tree: Tree, places: Places) -> None:
    tree.write("repo/opencode.json", {"username": "x"})
    for patch in ({}, {"nonsense": 1}, {"username": "x"}):
        assert change(tree, places, patch).text is None


def test_wrong_values_are_refused_by_name(tree: Tree, places: Places) -> None:
    body = refusal(tree, places, {"username": 5})
    assert body["name"] == "BadRequest"
    assert body["data"]["message"] == 'Expected string | null, got 5\n  at ["username"]'
    assert '["permission"]["bash"]' in refusal(tree, places, {"permission": {"bash": "maybe"}})["data"]["message"]
    assert refusal(tree, places, b"{x")["name"] == "BadRequest"


def test_a_broken_file_is_left_alone(tree: Tree, places: Places) -> None:
    tree.write("repo/opencode.json", '{\n  "username": }')
    data = refusal(tree, places, {"username": "x"})["data"]
    assert (data["path"], data["line"], data["column"]) == (str(tree.repo / "opencode.json"), 2, 15)


def test_what_is_masked_is_kept(tree: Tree, places: Places) -> None:
    secret = {"options": {"apiKey": "hush", "baseURL": "http://u:pw@h"}}
    tree.write("repo/opencode.json", {"provider": {"p": secret}})
    shown = {"options": {"apiKey": "********", "baseURL": "http://********@h", "x": "[redacted]"}, "name": "N"}
    made = change(tree, places, {"provider": {"p": shown}})
    assert json.loads(made.text or b"")["provider"]["p"] == {**secret, "name": "N"}


def test_the_answer_shows_no_secret(tree: Tree, places: Places) -> None:
    made = change(tree, places, {"provider": {"p": {"options": {"apiKey": "hush"}}}})
    assert b"hush" in (made.text or b"")
    assert b"hush" not in bytes(made.answer)
    assert b"hush" not in msgspec.json.encode(made)  # on its way to the daemon it is no text that would be redacted


def test_one_rule_beside_an_action_for_all(tree: Tree, places: Places) -> None:
    tree.write("repo/opencode.json", {"permission": "deny"})
    made = change(tree, places, {"permission": {"read": "allow"}})
    assert json.loads(made.text or b"")["permission"] == {"*": "deny", "read": "allow"}


def test_projects_that_are_not_read_are_not_written(
    tree: Tree, places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENCODE_DISABLE_PROJECT_CONFIG", "1")
    assert refusal(tree, places, {"username": "x"})["name"] == "ConfigReadOnlyError"


def test_what_has_no_effect_is_told(tree: Tree, places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    patch = {"username": "x", "model": "a/b", "shell": "sh"}
    assert change(tree, places, patch).hidden == []
    tree.write("home/.config/opencode/opencode.json", {"shell": "bash"})
    tree.write("managed/opencode.json", {"username": "theirs"})
    monkeypatch.setenv("OPENCODE_CONFIG_CONTENT", '{"model": "c/d"}')
    assert change(tree, places, patch).hidden == ["model", "username"]


def test_the_users_own_file(tree: Tree, places: Places) -> None:
    def target() -> str:
        made = change_global(Watch(os.environ), places, b'{"username":"x"}')
        assert json.loads(made.text or b"")["username"] == "x"
        return made.file

    assert target() == str(places.config / "opencode.json")
    for name in ("config.json", "opencode.json", "opencode.jsonc"):
        path = tree.write(f"home/.config/opencode/{name}", {"model": "a/b"})
        assert target() == str(path)
