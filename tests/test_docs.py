"""What is documented is what the code has."""

import ast
import re
from pathlib import Path

import msgspec
import pytest

from oad.cli.config_reference import KEYS
from oad.cli.docs import generate
from oad.cli.environment_reference import SERVER, SESSIONS, TERMINALS
from oad.contract.event_types import EVENT_TYPES
from oad.workers.config.ignored import WITHOUT_EFFECT
from oad.workers.config.settings import Config

ROOT = Path(__file__).parents[1]
SOURCES = [*(ROOT / "src/oad").glob("*.py")] + [
    file
    for room in ("daemon", "gateway", "workers", "src/oad/cli", "src/oad/link", "src/oad/contract")
    for file in sorted((ROOT / room).rglob("*.py"))
]
VARIABLE = re.compile(r"(OPENCODE|OA|OAD|XDG)_[A-Z_]+|(STATE|RUNTIME)_DIRECTORY")
# The methods by which events are published, and what else they are called with.
PUBLISHING = {"publish", "append", "_own", "_say"}
INTERNAL = {"session.patched"}


def strings(file: Path) -> set[str]:
    found = ast.walk(ast.parse(file.read_text()))
    return {node.value for node in found if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def published(file: Path) -> set[str]:
    calls = [node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Call)]
    arguments = [
        argument.value
        for call in calls
        if isinstance(call.func, ast.Attribute) and call.func.attr in PUBLISHING
        for argument in call.args[:1]
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
    ]
    return {text for text in arguments if re.fullmatch(r"[a-z]+(\.[a-z]+)+", text) and not text.startswith("oad.")}


@pytest.mark.parametrize("file", generate())
def test_generated_pages_are_up_to_date(file: str) -> None:
    assert (ROOT / "docs" / file).read_text() == generate()[file], "run `make docs`"


def test_every_variable_that_is_read_is_documented() -> None:
    sources = [file for file in SOURCES if file.name != "environment_reference.py"]
    used = {text for file in sources for text in strings(file) if VARIABLE.fullmatch(text)}
    assert used == {*SERVER, *SESSIONS, *TERMINALS}


def test_every_key_of_the_configuration_is_documented() -> None:
    known = {field.encode_name for field in msgspec.structs.fields(Config)}
    assert set(KEYS) == known | set(WITHOUT_EFFECT) | {"$schema", "reference"}
    assert {key for key in WITHOUT_EFFECT if "without effect" not in KEYS[key]} <= {"keybinds", "tui"}


def test_every_event_that_is_published_is_documented() -> None:
    assert set[str]().union(*(published(file) for file in SOURCES)) - INTERNAL <= set(EVENT_TYPES)


def test_every_documented_event_is_in_the_code() -> None:
    sources = [file for file in SOURCES if file.name != "event_types.py"]
    assert set(EVENT_TYPES) <= set[str]().union(*(strings(file) for file in sources))


def test_the_readme_names_only_files_that_exist() -> None:
    named = re.findall(r"\]\((?!https?:)([^)#]+)", (ROOT / "README.md").read_text())
    assert [path for path in named if not (ROOT / path).exists()] == []
