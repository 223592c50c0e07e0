import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oad.contract.errors import ApiError
from oad.workers.config.jsonc import parse_config, read_config
from oad.workers.config.watch import Watch

from .tree import Tree


def parse(text: str, environ: dict[str, str] | None = None, base: Path = Path("/")) -> dict[str, Any]:
    return parse_config(Watch(environ or {}), text, path="f.json", base=base, home=Path("/h"))


def failure(text: str) -> ApiError:
    with pytest.raises(ApiError) as caught:
        parse(text)
    assert caught.value.status == 400
    return caught.value


def test_comments_and_trailing_commas() -> None:
    assert parse('{ // one\n /* two */ "model": "a/b", "instructions": ["x",],\n}') == {
        "model": "a/b",
        "instructions": ["x"],
    }


def test_variables() -> None:
    text = '{"username": "{env:A}", "model": "x{env:NONE}y", "port": {env:N}}'
    assert parse(text, {"A": 'quo"te\\', "N": "5"}) == {"username": 'quo"te\\', "model": "xy", "port": 5}


def test_files(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(' se"cret\nline\n')
    assert parse('{"username": "{file:key}"}', base=tmp_path) == {"username": 'se"cret\nline'}
    assert parse('{"username": "{file:./key}"}', base=tmp_path) == {"username": 'se"cret\nline'}
    assert parse(f'{{"username": "{{file:{tmp_path}/key}}"}}') == {"username": 'se"cret\nline'}


def test_references_in_comments_are_left_alone() -> None:
    assert parse('{\n // "{file:/nonexistent}"\n "model": "m"}') == {"model": "m"}


def test_a_missing_reference() -> None:
    error = failure('{"username": "{file:/nonexistent/x}"}')
    assert error.body["name"] == "ConfigInvalidError"
    assert "{file:/nonexistent/x}" in error.body["data"]["message"]


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [('{"a": }', 1, 7), ('{\n "a": 1\n  "b": 2}', 3, 3), ("", 1, 1), ('\n\n{"a": 1', 3, 1), ("{x", 1, 1)],
)
def test_broken_json_names_the_place(text: str, line: int, column: int) -> None:
    body = failure(text).body
    assert body["name"] == "ConfigJsonError"
    data = body["data"]
    assert (data["path"], data["line"], data["column"]) == ("f.json", line, column)
    assert data["message"].endswith(f"at line {line}, column {column}")


def test_wrong_type_names_the_key() -> None:
    body = failure('{"agent": {"x": {"steps": "many"}}}').body
    assert body["name"] == "ConfigInvalidError"
    assert body["data"]["path"] == "f.json"
    assert body["data"]["issues"] == [
        {"message": "Expected number | null, got string", "path": ["agent", "x", "steps"]}
    ]
    assert "agent.x.steps" in body["data"]["message"]


@pytest.mark.parametrize("text", ["[]", "5", '"x"', "null"])
def test_json_that_is_no_configuration(text: str) -> None:
    assert failure(text).body["name"] == "ConfigInvalidError"


def test_a_variable_that_is_not_text() -> None:
    with pytest.raises(ApiError) as caught:
        parse('{"username": "{env:A}"}', {"A": "\udcff"})
    assert caught.value.body["name"] == "ConfigInvalidError"
    caught.value.encode()


def test_endless_nesting_is_an_error() -> None:
    assert failure('{"a":' * 100_000).body["name"] == "ConfigJsonError"


@given(st.text())
def test_never_fails_otherwise(text: str) -> None:
    try:
        json.dumps(parse(text))
    except ApiError as error:
        assert error.status == 400


def test_files_are_read(tree: Tree, watch: Watch) -> None:
    path = tree.write("repo/opencode.json", b'\xef\xbb\xbf{"model": "m"}')
    assert read_config(watch, path, tree.home) == {"model": "m"}
    assert read_config(watch, tree.repo / "none.json", tree.home) is None
    assert read_config(watch, tree.write("repo/empty.json", " \n"), tree.home) == {}


def test_a_file_that_is_not_text(tree: Tree, watch: Watch) -> None:
    with pytest.raises(ApiError) as caught:
        read_config(watch, tree.write("repo/x.json", b'{\n"a": "\xff"}'), tree.home)
    assert caught.value.body["name"] == "ConfigJsonError"
    assert caught.value.body["data"]["line"] == 2


def test_a_file_that_cannot_be_read(tree: Tree, watch: Watch) -> None:
    (tree.repo / "opencode.json").mkdir()
    with pytest.raises(ApiError) as caught:
        read_config(watch, tree.repo / "opencode.json", tree.home)
    assert caught.value.body["name"] == "ConfigInvalidError"


def test_a_fifo_does_not_stop_the_worker(tree: Tree, watch: Watch) -> None:
    os.mkfifo(tree.repo / "opencode.json")
    assert read_config(watch, tree.repo / "opencode.json", tree.home) is None
