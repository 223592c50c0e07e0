"""The rules of the house, checked: who imports whom, how long things are, where everything may be caught."""

import ast
import statistics
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = {
    "contract": ROOT / "src/oad/contract",
    "link": ROOT / "src/oad/link",
    "client": ROOT / "src/oad/client",
    "cli": ROOT / "src/oad/cli",
    "daemon": ROOT / "daemon",
    "gateway": ROOT / "gateway",
    "workers": ROOT / "workers",
    "proxy": ROOT / "proxy",
    "logs": ROOT / "src/oad/logs",
}
# What each room may import of the others, by absolute name. The command line puts the programs together.
ALLOWED = {
    "contract": set[str](),
    "link": {"contract"},
    "client": {"contract"},
    "cli": {"contract", "client", "daemon", "gateway", "proxy", "logs", "service_manager", "heap"},
    "daemon": {"contract", "link", "service_manager", "heap"},
    "gateway": {"contract", "link", "service_manager", "heap"},
    "workers": {"contract", "link", "logs", "heap"},
    "logs": {"contract"},
    "proxy": {"contract", "logs", "service_manager", "heap"},
}
# Task boundaries: the last frame of a process, an operation, a worker, a turn, a tool call, a probe.
CATCH_ALL = {
    "src/oad/cli/parent.py",
    "src/oad/link/serving.py",
    "daemon/chores.py",
    "daemon/doctor.py",
    "daemon/governor.py",
    "daemon/holder.py",
    "daemon/session_init.py",
    "daemon/worker.py",
    "daemon/zygote.py",
    "gateway/exchange.py",
    "workers/mcp/server.py",
    "workers/session/title.py",
    "workers/session/toolcalls.py",
    "workers/session/worker.py",
}
VAGUE = {"utils", "util", "helpers", "helper", "manager", "managers", "common", "misc"}

FILES = [(room, file) for room, place in ROOMS.items() for file in sorted(place.rglob("*.py"))]


def name(file: Path) -> str:
    return str(file.relative_to(ROOT))


def nodes(file: Path) -> Iterator[ast.AST]:
    return ast.walk(ast.parse(file.read_text()))


def absolute_imports(file: Path) -> Iterator[str]:
    for node in nodes(file):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield from ([f"oad.{alias.name}" for alias in node.names] if node.module == "oad" else [node.module])


def rooms_imported(file: Path) -> set[str]:
    found = {module.split(".")[1] for module in absolute_imports(file) if module.startswith("oad.")}
    return found & {*ROOMS, "service_manager", "heap"}


@pytest.mark.parametrize(("room", "file"), FILES, ids=lambda value: value if isinstance(value, str) else name(value))
def test_rooms_import_only_what_they_may(room: str, file: Path) -> None:
    assert rooms_imported(file) <= ALLOWED[room]


def test_the_contract_imports_only_msgspec_and_the_standard_library() -> None:
    import sys

    for room, file in FILES:
        if room == "contract":
            outside = {module.split(".")[0] for module in absolute_imports(file)} - sys.stdlib_module_names
            assert outside <= {"msgspec", "oad"}, name(file)


def test_everything_is_caught_only_at_task_boundaries() -> None:
    catching = {name(file) for _, file in FILES if any(swallows_everything(node) for node in nodes(file))}
    assert catching <= CATCH_ALL


def swallows_everything(node: ast.AST) -> bool:
    """``except``, ``except Exception`` or ``except BaseException`` that does not end in ``raise``."""
    if not isinstance(node, ast.ExceptHandler):
        return False
    caught = node.type.id if isinstance(node.type, ast.Name) else None
    return (node.type is None or caught in ("Exception", "BaseException")) and not isinstance(node.body[-1], ast.Raise)


def test_no_file_is_longer_than_400_lines() -> None:
    lengths = {name(file): len(file.read_text().splitlines()) for _, file in FILES}
    assert {file: length for file, length in lengths.items() if length > 400} == {}


def test_functions_are_short() -> None:
    lengths = sorted(
        (node.end_lineno or node.lineno) - node.lineno + 1
        for _, file in FILES
        for node in nodes(file)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    assert statistics.median(lengths) <= 9
    assert lengths[int(len(lengths) * 0.9)] <= 35


def test_names_of_files_say_something() -> None:
    assert [name(file) for _, file in FILES if file.stem in VAGUE] == []
