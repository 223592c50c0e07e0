import pytest

from oad.workers.config.jsonc_lines import line_of, line_of_front_matter

TEXT = """{ // "a": 1
  "a": {
    /* "b": */
    'b': [
      1
    ]
  }, "c": 2
}"""


@pytest.mark.parametrize(
    ("path", "line"),
    [(["a"], 2), (["a", "b"], 4), (["a", "b", 0], 4), (["a", "x"], 2), (["c"], 7), (["x"], 1)],
)
def test_lines(path: list[str | int], line: int) -> None:
    assert line_of(TEXT, path) == line


def test_what_can_not_be_read_has_no_lines() -> None:
    assert line_of("{", ["a"]) == 1


def test_front_matter() -> None:
    assert line_of_front_matter("---\na: 1\nsteps : 2\n---\n", "steps") == 3
    assert line_of_front_matter("---\n---\n", "steps") == 1
