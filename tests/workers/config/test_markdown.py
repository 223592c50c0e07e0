from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oad.workers.config.markdown import FrontMatterError, find_files, read_documents, split_front_matter
from oad.workers.config.watch import Watch

from .tree import Tree


def test_front_matter() -> None:
    meta, body = split_front_matter("---\ndescription: d\nsteps: 3\nhidden: true\n---\nBody\n---\nmore\n")
    assert meta == {"description": "d", "steps": 3, "hidden": True}
    assert body == "Body\n---\nmore\n"


def test_none_at_all() -> None:
    assert split_front_matter("# Title\n---\nx\n---\n") == (None, "# Title\n---\nx\n---\n")


def test_empty_and_windows_lines() -> None:
    assert split_front_matter("---\n---\nx") == ({}, "x")
    assert split_front_matter("---\r\na: b\r\n---\r\nx") == ({"a": "b"}, "x")


def test_a_colon_in_a_plain_value() -> None:
    meta, _ = split_front_matter("---\ndescription: Use it so: always\nmode: all\n---\n")
    assert meta == {"description": "Use it so: always", "mode": "all"}


def test_dates_and_other_keys_become_json() -> None:
    assert split_front_matter("---\nday: 2024-01-02\n1: x\n---\n")[0] == {"day": "2024-01-02", "1": "x"}


@pytest.mark.parametrize(
    "text",
    [
        "- a\n- b",
        "just text",
        "a: [",
        "a: &x [1]\nb: *x",
        "a: " + "[" * 1000 + "]" * 1000,
        "a: !!python/object/apply:os.system [id]",
    ],
)
def test_refused(text: str) -> None:
    with pytest.raises(FrontMatterError):
        split_front_matter(f"---\n{text}\n---\nx")


@given(st.text())
def test_never_fails_otherwise(text: str) -> None:
    try:
        split_front_matter(f"---\n{text}\n---\n")
    except FrontMatterError:
        pass


def test_documents_are_named_by_their_path(tree: Tree, watch: Watch) -> None:
    tree.write("repo/agent/writer.md", "---\na: b\n---\nw")
    tree.write("repo/agent/deep/finder.md", "f")
    tree.write("repo/agent/notes.txt", "n")
    problems: list[str] = []
    documents = read_documents(watch, tree.repo / "agent", problems)
    assert [(each.name, each.meta, each.body) for each in documents] == [
        ("deep/finder", None, "f"),
        ("writer", {"a": "b"}, "w"),
    ]
    assert problems == []


def test_a_broken_document_is_left_out_and_told(tree: Tree, watch: Watch) -> None:
    path = tree.write("repo/agent/bad.md", "---\na: [\n---\n")
    problems: list[str] = []
    assert read_documents(watch, tree.repo / "agent", problems) == []
    assert str(path) in problems[0]


def test_links_in_circles_end(tree: Tree, watch: Watch) -> None:
    file = tree.write("repo/agent/x.md", "x")
    (tree.repo / "agent" / "again").symlink_to(tree.repo / "agent")
    assert find_files(watch, tree.repo / "agent", ".md") == [file]
    assert find_files(watch, Path("/nonexistent"), ".md") == []
