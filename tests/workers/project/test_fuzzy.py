import time

import pytest

from oad.workers.project.fuzzy import rank

PATHS = [
    "README.md",
    "src/",
    "src/main.py",
    "src/domain/model.py",
    "src/session/session_manager.py",
    "src/session/",
    "tests/test_main.py",
    "docs/reading.md",
    "package.json",
    ".env",
    "Makefile",
]


@pytest.mark.parametrize(
    ("query", "best"),
    [
        ("main", ["src/main.py", "tests/test_main.py", "src/domain/model.py"]),
        ("src", ["src/", "src/main.py", "src/session/"]),
        ("read", ["README.md", "docs/reading.md"]),
        ("README.md", ["README.md"]),
        ("sm", ["src/session/session_manager.py"]),
        ("smp", ["src/session/session_manager.py"]),
        ("src model", ["src/domain/model.py"]),
        ("src/main", ["src/main.py"]),
        ("env", [".env"]),
        ("pkg", ["package.json"]),
        ("zzz", []),
        ("", []),
        ("  ", []),
        ("[.*", []),
    ],
)
def test_the_best_come_first(query: str, best: list[str]) -> None:
    assert rank(query, PATHS, 20)[: len(best) or 1] == best


def test_the_limit_and_the_order_of_equals() -> None:
    assert rank("a", ["b/a", "a/a", "c/a"], 2) == ["a/a", "b/a"]


def test_many_paths_and_hostile_queries_take_little_time() -> None:
    paths = [f"some/directory{n}/aaaaaaaaaaaaaaaaaaaaaaaaaa{n}.py" for n in range(20_000)]
    started = time.process_time()
    assert rank("a" * 5000 + "z", paths, 10) == []
    assert len(rank("directory1 aaa", paths, 10)) == 10
    assert time.process_time() - started < 3
