import tomllib
from typing import Any

import pytest

from oad.cli.settings.toml_lines import Path, find_lines, line_of

TEXT = '''# comment with "quotes" and [brackets]
top = 1
[a]
x = "# no comment" # one
"quoted key" = 2
b.c = 3
[a.list] # of the last line
many = [ # [
  "one", 'two # "',
  [1,
   2],
  { p = 1, "q" = "}" },
]
long = """
[not.a.table]
x = 1 \\""" still
"""
raw = \'\'\'
"""\'\'\'\'
date = 1979-05-27T07:32:00Z
[[s]]
n = 1
[s.sub]
m = 2
[[s]]
n = 2
 [ "odd" . name ]
z=true'''


def paths(value: Any, path: Path = ()) -> "list[Path]":
    if isinstance(value, dict):
        return [path, *(p for key, item in value.items() for p in paths(item, (*path, key)))]
    if isinstance(value, list):
        return [path, *(p for at, item in enumerate(value) for p in paths(item, (*path, at)))]
    return [path]


def test_every_value_has_a_line() -> None:
    assert set(paths(tomllib.loads(TEXT))) - set(find_lines(TEXT)) == {(), ("odd",)}  # only ever named with its key


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("top",), 2),
        (("a",), 3),
        (("a", "quoted key"), 5),
        (("a", "b", "c"), 6),
        (("a", "list", "many", 1), 9),
        (("a", "list", "many", 2), 10),
        (("a", "list", "many", 2, 1), 11),
        (("a", "list", "many", 3, "q"), 12),
        (("a", "list", "raw"), 18),
        (("a", "list", "date"), 20),
        (("s", 0, "sub", "m"), 24),
        (("s", 1, "n"), 26),
        (("s", 1, "missing"), 25),
        (("odd", "name", "z"), 28),
        (("nowhere",), 1),
    ],
)
def test_the_line_of(path: Path, line: int) -> None:
    assert line_of(find_lines(TEXT), path) == line


@pytest.mark.parametrize(
    "text", ["", "\n\n", "# only a comment", 'a = "\\\\"', "a = ''", 'a = """"""', "a = []\r\n[b]\r\n"]
)
def test_the_end_is_found(text: str) -> None:
    assert set(find_lines(text)) == set(paths(tomllib.loads(text))) - {()}
