from oad.workers.config.ignored import find_ignored
from oad.workers.config.project import load

from .tree import Tree


def test_keys_without_an_effect_are_named() -> None:
    raw = {
        "$schema": "x",
        "model": "a/b",
        "theme": "dark",
        "colour": "red",
        "plugin": ["p@1", ["q", {}]],
        "experimental": {"batch_tool": True, "mcp_timeout": 5},
    }
    told = list(find_ignored(raw))
    assert [text.split(" ")[0] for text in told] == [
        "theme",
        "colour",
        "experimental.batch_tool",
        "plugin",
    ]


def test_programs_for_the_other_server_are_named_and_do_not_fail(tree: Tree) -> None:
    tree.write("repo/.opencode/plugin/a.ts", "export default 1")
    tree.write("repo/.opencode/tool/b.js", "")
    tree.write("repo/.opencode/tool/readme.md", "")
    problems = load(str(tree.repo)).problems
    assert [problem.partition(": ")[2] for problem in problems] == [
        "JavaScript is not run: a.ts",
        "JavaScript is not run: b.js",
    ]
