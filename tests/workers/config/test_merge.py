import copy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from oad.workers.config.merge import merge, merge_configs, widen_permissions

names = st.sampled_from(["a", "b", "c", "plugin", "instructions"])
configs: st.SearchStrategy[dict[str, Any]] = st.dictionaries(
    names,
    st.recursive(st.integers() | st.none(), lambda inner: st.dictionaries(names, inner, max_size=3), max_leaves=8),
    max_size=4,
).map(lambda value: {key: item for key, item in value.items() if key not in ("plugin", "instructions")})


def test_objects_merge_deeply_and_the_later_wins() -> None:
    assert merge({"a": {"x": 1, "y": [1]}, "b": 1}, {"a": {"y": [2]}, "b": {"z": 1}}) == {
        "a": {"x": 1, "y": [2]},
        "b": {"z": 1},
    }


def test_keys_keep_their_first_place() -> None:
    assert list(merge({"bash": 1, "edit": 1}, {"read": 1, "bash": 2})) == ["bash", "edit", "read"]


@given(configs, configs)
def test_the_later_wins_at_every_depth(a: dict[str, Any], b: dict[str, Any]) -> None:
    def check(old: Any, new: Any, merged: Any) -> None:
        if not isinstance(old, dict) or not isinstance(new, dict):
            assert merged == new
            return
        assert list(merged) == [*old, *(key for key in new if key not in old)]
        for key, value in new.items():
            check(old.get(key), value, merged[key])
        assert all(merged[key] == value for key, value in old.items() if key not in new)

    check(a, b, merge(a, b))


@given(configs, configs)
def test_arguments_are_left_alone(a: dict[str, Any], b: dict[str, Any]) -> None:
    before = copy.deepcopy((a, b))
    merge_configs(a, b)
    assert (a, b) == before


@given(configs)
def test_nothing_changes_nothing(a: dict[str, Any]) -> None:
    assert merge(a, {}) == a == merge({}, a) == merge(a, a)


def test_plugins_and_instructions_add_up() -> None:
    merged = merge_configs(
        {"instructions": ["a", "b"], "plugin": [["p", {}]], "cors": [1]},
        {"instructions": ["b", "c"], "plugin": [["p", {}], "q"], "cors": [2]},
    )
    assert merged == {"instructions": ["a", "b", "c"], "plugin": [["p", {}], "q"], "cors": [2]}


def test_only_the_top_level_lists_add_up() -> None:
    assert merge_configs({"x": {"plugin": [1]}}, {"x": {"plugin": [2]}}) == {"x": {"plugin": [2]}}


def test_a_single_action_merges_with_a_map() -> None:
    base = widen_permissions({"permission": "ask", "agent": {"x": {"permission": "deny"}, "y": {}}})
    assert base == {"permission": {"*": "ask"}, "agent": {"x": {"permission": {"*": "deny"}}, "y": {}}}
    assert merge(base, {"permission": {"bash": "allow"}})["permission"] == {"*": "ask", "bash": "allow"}
