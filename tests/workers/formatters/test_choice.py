from pathlib import Path
from typing import Any

import msgspec
import pytest

from oad.contract.policy import ShellPolicy
from oad.workers.config.settings import Config
from oad.workers.formatters.choice import Formatters
from oad.workers.formatters.table import TABLE, Formatter


def program(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return str(path)


def formatters(setting: Any, root: Path, *, shell: ShellPolicy = ShellPolicy(), sub: str = "") -> Formatters:  # noqa: B008
    config = msgspec.convert({"formatter": setting}, Config)
    return Formatters(config.formatter, str(root / sub), str(root), path=str(root / "bin"), shell=shell)


async def passes(formatter: Formatter, program: str) -> bool:
    return True


async def fails(formatter: Formatter, program: str) -> bool:
    return False


async def names(chosen: Formatters, file: str) -> list[str]:
    return [each.name for each in await chosen.matching(file, passes)]


@pytest.mark.parametrize("setting", [None, False])
async def test_nothing_without_configuration(setting: Any, tmp_path: Path) -> None:
    program(tmp_path / "bin/gofmt")
    chosen = formatters(setting, tmp_path)
    assert await chosen.status(passes) == []
    assert await chosen.matching("a.go", passes) == []


@pytest.mark.parametrize("setting", [True, {}])
async def test_all_that_are_known_are_listed(setting: Any, tmp_path: Path) -> None:
    program(tmp_path / "bin/gofmt")
    listed = {each.name: each for each in await formatters(setting, tmp_path).status(passes)}
    assert list(listed) == [each.name for each in TABLE]
    assert listed["gofmt"].enabled
    assert not listed["rustfmt"].enabled
    assert listed["clang-format"].extensions[0] == ".c"


async def test_own_ones_and_disabled_ones(tmp_path: Path) -> None:
    setting = {"upper": {"command": ["upper", "$FILE"], "extensions": [".up"]}, "gofmt": {"disabled": True}}
    listed = {each.name: each for each in await formatters(setting, tmp_path).status(passes)}
    assert "gofmt" not in listed
    assert msgspec.to_builtins(listed["upper"]) == {"name": "upper", "extensions": [".up"], "enabled": True}
    (found,) = await formatters(setting, tmp_path).matching("a.up", passes)
    assert found.command == ("upper", "$FILE")


async def test_one_without_a_command_is_none(tmp_path: Path) -> None:
    assert "odd" not in [
        each.name for each in await formatters({"odd": {"extensions": [".x"]}}, tmp_path).status(passes)
    ]


async def test_a_known_one_with_another_command_or_other_extensions(tmp_path: Path) -> None:
    program(tmp_path / "bin/shfmt")
    setting = {"prettier": {"command": ["my", "$FILE"]}, "shfmt": {"extensions": [".zsh"], "environment": {"A": "1"}}}
    chosen = formatters(setting, tmp_path)
    (mine,) = await chosen.matching("a.ts", passes)
    assert (mine.name, mine.command) == ("prettier", ("my", "$FILE"))
    assert await names(chosen, "a.sh") == []
    (shell,) = await chosen.matching("a.zsh", passes)
    assert (shell.command[1:], shell.environment) == (("-w", "$FILE"), {"A": "1"})


async def test_a_sign_in_the_project_is_needed(tmp_path: Path) -> None:
    path = program(tmp_path / "node_modules/.bin/prettier")
    (tmp_path / "sub").mkdir()
    chosen = formatters(True, tmp_path, sub="sub")
    assert await names(chosen, "a.ts") == []
    (tmp_path / "package.json").write_text('{"devDependencies": {"prettier": "3"}}')
    (found,) = await chosen.matching("a.ts", passes)
    assert found.command == (path, "--write", "$FILE")


async def test_signs_beyond_the_worktree_do_not_count(tmp_path: Path) -> None:
    program(tmp_path / "top/bin/clang-format")
    (tmp_path / ".clang-format").write_text("")
    assert await names(formatters(True, tmp_path / "top"), "a.c") == []
    (tmp_path / "top/.clang-format").write_text("")
    assert await names(formatters(True, tmp_path / "top"), "a.c") == ["clang-format"]


async def test_without_a_worktree_only_the_directory_counts(tmp_path: Path) -> None:
    program(tmp_path / "bin/clang-format")
    (tmp_path / ".clang-format").write_text("")
    (tmp_path / "sub").mkdir()
    config = msgspec.convert({"formatter": True}, Config)
    chosen = Formatters(config.formatter, str(tmp_path / "sub"), "/", path=str(tmp_path / "bin"), shell=ShellPolicy())
    assert await names(chosen, "a.c") == []


async def test_uv_only_where_ruff_is_not(tmp_path: Path) -> None:
    program(tmp_path / "bin/uv")
    program(tmp_path / "bin/ruff")
    chosen = formatters(True, tmp_path)
    assert await names(chosen, "a.py") == ["uv"]
    (tmp_path / "pyproject.toml").write_text("[tool.ruff]\n")
    assert await names(chosen, "a.py") == ["ruff"]
    assert await names(formatters({"ruff": {"disabled": True}}, tmp_path), "a.py") == []


async def test_a_program_must_be_the_right_one(tmp_path: Path) -> None:
    program(tmp_path / "bin/air")
    chosen = formatters(True, tmp_path)
    assert await names(chosen, "a.R") == ["air"]
    assert await chosen.matching("a.R", fails) == []


async def test_a_sign_that_blocks_is_no_sign(tmp_path: Path) -> None:
    import os

    program(tmp_path / "bin/ruff")
    os.mkfifo(tmp_path / "pyproject.toml")
    assert await names(formatters(True, tmp_path), "a.py") == []


@pytest.mark.parametrize(
    ("shell", "enabled"),
    [
        (ShellPolicy(), False),
        (ShellPolicy(restricted=False), True),
        (ShellPolicy(restricted=False, allow=("ls*",)), False),
    ],
)
async def test_what_clients_may_not_run_formats_nothing(shell: ShellPolicy, enabled: bool, tmp_path: Path) -> None:
    setting = {"bad": {"command": ["sudo", "x", "$FILE"], "extensions": [".x"]}}
    listed = {each.name: each.enabled for each in await formatters(setting, tmp_path, shell=shell).status(passes)}
    assert listed["bad"] is enabled
