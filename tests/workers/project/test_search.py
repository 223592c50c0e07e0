from pathlib import Path

import pytest

from oad.contract.errors import ApiError
from oad.workers.project.file_names import FileNames
from oad.workers.project.search import find_files, find_text

from .local_exec import LocalExec, NoExec


@pytest.fixture
def tree(repo: Path) -> Path:
    (repo / ".gitignore").write_text("out/\n")
    for path, text in (
        ("src/a.txt", "alpha\nneedle in hay needle\n"),
        ("src/deep/a.py", "x\n"),
        (".hidden/a.cfg", "needle\n"),
        ("out/a.txt", "needle\n"),
        (".git/a.txt", "needle\n"),
    ):
        (repo / path).parent.mkdir(parents=True, exist_ok=True)
        (repo / path).write_text(text)
    return repo


async def files(root: Path, query: str, limit: int = 10, **more: str) -> list[str]:
    names = FileNames(LocalExec())
    return [each.path for each in await find_files(names, str(root), query, limit=limit, **more)]  # type: ignore[arg-type]


async def test_lines(tree: Path) -> None:
    hidden, found = await find_text(LocalExec(), str(tree), "n[e]+dle")
    assert (hidden.path.text, hidden.line_number) == (".hidden/a.cfg", 1)
    assert (found.path.text, found.lines.text) == ("src/a.txt", "needle in hay needle\n")
    assert (found.line_number, found.absolute_offset) == (2, 6)
    assert [(each.match.text, each.start, each.end) for each in found.submatches] == [
        ("needle", 0, 6),
        ("needle", 14, 20),
    ]


async def test_no_lines(tree: Path) -> None:
    assert await find_text(LocalExec(), str(tree), "nothing like it") == []
    assert await find_text(LocalExec(), str(tree), "-e") == []


async def test_ten_lines_at_most(tree: Path) -> None:
    (tree / "many").write_text("again\n" * 50)
    assert [each.line_number for each in await find_text(LocalExec(), str(tree), "again")] == list(range(1, 11))


async def test_lines_that_are_no_text(tree: Path) -> None:
    (tree / "latin").write_bytes(b"caf\xe9 needles\n")
    (found,) = await find_text(LocalExec(), str(tree), "needles")
    assert found.lines.text == "caf� needles\n"


async def test_a_bad_pattern(tree: Path) -> None:
    with pytest.raises(ApiError, match="unclosed group") as caught:
        await find_text(LocalExec(), str(tree), "(")
    assert caught.value.status == 400
    with pytest.raises(ApiError, match="could not be started"):
        await find_text(NoExec(), str(tree), "x")


async def test_names(tree: Path) -> None:
    assert set(await files(tree, "a.")) == {"src/a.txt", "src/deep/a.py", ".hidden/a.cfg"}
    assert await files(tree, "deep") == ["src/deep/", "src/deep/a.py"]
    assert await files(tree, "deep", type="file") == ["src/deep/a.py"]
    assert await files(tree, "s", type="directory") == ["src/", "src/deep/"]
    assert await files(tree, "a", limit=1) == ["src/a.txt"]
    assert await files(tree, "out") == []
    assert await files(tree, "") == []
