from typing import Any

import pytest

from oad.workers.providers.demo_commands import comment_on, read_commands
from oad.workers.providers.model import ToolOutcome


@pytest.mark.parametrize(
    ("text", "tool", "input"),
    [
        ("run `make test`", "bash", {"command": "make test", "description": "Runs make test"}),
        ("Please list all files.", "glob", {"pattern": "*"}),
        ("list files in src", "glob", {"pattern": "*", "path": "src"}),
        ("read the file README.md", "read", {"filePath": "README.md"}),
        ("write a/b.txt: hello: you", "write", {"filePath": "a/b.txt", "content": "hello: you\n"}),
    ],
)
def test_commands(text: str, tool: str, input: dict[str, Any]) -> None:
    plans = read_commands(text)
    assert [(plan.tool, plan.input) for plan in plans] == [(tool, input)]


def test_todos_and_questions() -> None:
    todo, ask = read_commands("todo: one; two\nask me Is it so?")
    assert [item["content"] for item in todo.input["todos"]] == ["one", "two"]
    assert {item["status"] for item in todo.input["todos"]} == {"in_progress", "pending"}
    question = ask.input["questions"][0]
    assert question["question"] == "Is it so?" and len(question["options"]) == 2 and question["header"]
    assert len(read_commands("todo")[0].input["todos"]) == 3


@pytest.mark.parametrize("text", ["Hello", "I would run away", "", "what files are there?"])
def test_other_texts_are_no_commands(text: str) -> None:
    assert read_commands(text) == []


@pytest.mark.parametrize(
    ("outcome", "word"),
    [
        (ToolOutcome("c", "bash", "x" * 999), "…"),
        (ToolOutcome("c", "bash", ""), "without any output"),
        (ToolOutcome("c", "bash", "no such", is_error=True), "failed"),
        (ToolOutcome("c", "write", "Wrote"), "Done"),
        (ToolOutcome("c", "question", "Yes"), "Yes"),
        (ToolOutcome("c", "glob", "a"), "1 line:"),
    ],
)
def test_comments(outcome: ToolOutcome, word: str) -> None:
    assert word in comment_on(outcome)
