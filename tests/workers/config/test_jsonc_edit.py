import json
from typing import Any

import pyjson5
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oad.workers.config.jsonc_edit import CannotEdit, edit_json
from oad.workers.config.merge import merge

COMMENTED = """// head
{
  "a": 1, // one
  /* between */
  "b": {
    // inner
    "c": [1, 2], // list
  },
  "d": "x" // last
}
// tail
"""


def test_a_value_is_replaced_where_it_stands() -> None:
    assert edit_json(COMMENTED, {"a": 2}) == COMMENTED.replace('"a": 1,', '"a": 2,')
    assert edit_json(COMMENTED, {"b": {"c": [3]}}) == COMMENTED.replace("[1, 2]", "[\n      3\n    ]")
    assert edit_json(COMMENTED, {"b": None}).count("// inner") == 0


def test_a_new_key_comes_last_and_comments_stay_with_their_keys() -> None:
    assert edit_json(COMMENTED, {"e": True}) == COMMENTED.replace('"x" // last\n', '"x", // last\n  "e": true\n')
    inner = edit_json(COMMENTED, {"b": {"f": "g"}})
    assert inner == COMMENTED.replace("[1, 2], // list\n", '[1, 2], // list\n    "f": "g",\n')


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{}", '{\n  "k": {\n    "l": 1\n  }\n}'),
        ("{ }\n", '{\n  "k": {\n    "l": 1\n  }\n}\n'),
        ("{ // why\n}", '{ // why\n  "k": {\n    "l": 1\n  }\n}'),
        ('{"a": 1}', '{"a": 1, "k": {\n  "l": 1\n}}'),
        ('{"a": 1,}', '{"a": 1, "k": {\n  "l": 1\n},}'),
        ('{\n\t"a": 1\n}', '{\n\t"a": 1,\n\t"k": {\n\t\t"l": 1\n\t}\n}'),
        ('{\r\n  "a": 1\r\n}\r\n', '{\r\n  "a": 1,\r\n  "k": {\r\n    "l": 1\r\n  }\r\n}\r\n'),
        ("{\n  'a': 1 }", '{\n  \'a\': 1,\n  "k": {\n    "l": 1\n  } }'),
    ],
)
def test_forms(text: str, expected: str) -> None:
    assert edit_json(text, {"k": {"l": 1}}) == expected


def test_of_a_key_that_is_there_twice_the_last_one_counts() -> None:
    assert edit_json('{"a": 1, "a": 2}', {"a": 3}) == '{"a": 1, "a": 3}'


def test_references_are_kept() -> None:
    text = '{"p": {"apiKey": "{env:KEY}", "port": {env:PORT}}}'
    assert edit_json(text, {"p": {"x": 1}}) == '{"p": {"apiKey": "{env:KEY}", "port": {env:PORT}, "x": 1}}'


@pytest.mark.parametrize("text", ["", "[]", "{", '{"a" 1}', '{"a": 1 "b": 2}', "{} x", '{"a": }', "{" * 200])
def test_what_is_no_object(text: str) -> None:
    with pytest.raises(CannotEdit):
        edit_json(text, {"k": 1})


values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(st.sampled_from(["a", "b", 'c"', "d/e", "\\"]), values, max_size=4)


@given(objects, objects, st.sampled_from([None, 1, 2, "\t"]))
def test_the_result_means_what_the_merge_means(before: dict[str, Any], patch: dict[str, Any], indent: Any) -> None:
    text = json.dumps(before, indent=indent)
    assert pyjson5.decode(edit_json(text, patch)) == merge(before, patch)


@given(st.text(alphabet='{}[]":,a/*\n 1', max_size=30), objects)
def test_any_text_is_edited_or_refused(text: str, patch: dict[str, Any]) -> None:
    try:
        edit_json(text, patch)
    except CannotEdit:
        pass
