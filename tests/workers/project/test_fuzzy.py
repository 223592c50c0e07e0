import time

import pytest

from oad.workers.project.fuzzy import Index, _in_order

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
    assert Index(PATHS).best(query, 20)[: len(best) or 1] == best


def test_the_limit_and_the_order_of_equals() -> None:
    assert Index(["b/a", "a/a", "c/a"]).best("a", 2) == ["a/a", "b/a"]


def test_only_files_or_directories() -> None:
    index = Index(PATHS)
    assert index.best("s", 20, "directory") == ["src/", "src/session/"]
    assert index.best("session", 20, "file") == ["src/session/session_manager.py"]
    assert index.best("src ses", 20, "directory") == ["src/session/"]


@pytest.mark.parametrize("query", ["a", "main", "src/", "sess", "md", "smp", "e", "a/b", "src mod", "zq"])
def test_one_word_is_ranked_class_by_class_as_if_each_path_were_weighed(query: str) -> None:
    paths = [*PATHS, "a/b/", "x/a/b", "a/b/c.a", "e", "e.md", ".e", "ame", "m_e", "tame/x", "t_e/x"]
    weighed = Index(paths)
    assert Index(paths).best(query, 50) == [
        weighed._paths[at]
        for at in sorted(
            (
                at
                for at, path in enumerate(weighed._folded)
                if all(_in_order(word).match(path) for word in query.split())
            ),
            key=lambda at: (sum(weighed._misfit(word, at) for word in query.split()), at),
        )
    ]


def test_many_paths_and_hostile_queries_take_little_time() -> None:
    index = Index(f"some/directory{n}/aaaaaaaaaaaaaaaaaaaaaaaaaa{n}.py" for n in range(20_000))
    started = time.process_time()
    assert index.best("a" * 5000 + "z", 10) == []
    for query in ("directory1 aaa", "aaa", "a", "saap", "s d a p"):
        assert len(index.best(query, 10)) == 10
    assert time.process_time() - started < 3
