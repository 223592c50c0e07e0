from pathlib import Path
from typing import Any

import msgspec
import pytest

from oad.contract.policy import ShellPolicy
from oad.workers.config.project import load
from oad.workers.config.settings import Config
from oad.workers.lsp.choice import Chosen, LanguageChoice, configured, serves
from oad.workers.lsp.table import TABLE, language_of


def setting(raw: Any) -> Any:
    return msgspec.convert({"lsp": raw}, Config).lsp


def install(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return str(path)


def choice(root: Path, raw: Any = True, shell: ShellPolicy | None = None, directory: str = "") -> LanguageChoice:
    setup = load(str(root))
    config = msgspec.structs.replace(setup.config, lsp=setting(raw))
    place = str(root / directory) if directory else str(root)
    setup = msgspec.structs.replace(setup, config=config, worktree=str(root), directory=place)
    return LanguageChoice(setup, path=str(root / "bin"), shell=shell or ShellPolicy())


def found(chosen: list[Chosen], root: Path) -> list[tuple[str, str]]:
    return [(each.server.id, Path(each.root).relative_to(root).as_posix()) for each in chosen]


def write(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("")


def test_nothing_without_configuration() -> None:
    for raw in (None, False):
        assert configured(setting(raw)) == []
        assert not serves(setting(raw), "a.py")
    assert serves(setting(True), "a.py")
    assert serves(setting({}), "a.rs")
    assert not serves(setting(True), "a.unknown")


def test_configuration() -> None:
    raw = {
        "pyright": {"disabled": True},
        "gopls": {"command": ["my-gopls"], "env": {"A": "1"}},
        "own": {"command": ["own"], "extensions": [".own"], "initialization": {"x": 1}},
        "odd": {"extensions": [".odd"]},
    }
    known = {each.id: each for each in configured(setting(raw))}
    assert "pyright" not in known
    assert "odd" not in known
    assert (known["gopls"].command, known["gopls"].extensions) == (("my-gopls",), (".go",))
    assert known["gopls"].environment == {"A": "1"}
    assert known["own"].initialization == {"x": 1}
    assert len(known) == len(TABLE)


def test_the_nearest_marker_is_the_root(tmp_path: Path) -> None:
    install(tmp_path / "bin/gopls")
    write(tmp_path, "svc/go.mod", "svc/in/a.go", "b.go")
    assert found(choice(tmp_path).matching(tmp_path / "svc/in/a.go"), tmp_path) == [("gopls", "svc")]
    assert found(choice(tmp_path).matching(tmp_path / "b.go"), tmp_path) == [("gopls", ".")]
    write(tmp_path, "go.work")
    assert found(choice(tmp_path).matching(tmp_path / "svc/in/a.go"), tmp_path) == [("gopls", ".")]


def test_some_need_their_marker(tmp_path: Path) -> None:
    install(tmp_path / "bin/rust-analyzer")
    write(tmp_path, "a.rs")
    assert choice(tmp_path).matching(tmp_path / "a.rs") == []
    write(tmp_path, "crate/Cargo.toml")
    assert found(choice(tmp_path).matching(tmp_path / "crate/src/a.rs"), tmp_path) == [("rust", "crate")]


def test_one_or_the_other(tmp_path: Path) -> None:
    program = install(tmp_path / "node_modules/.bin/typescript-language-server")
    install(tmp_path / "bin/deno")
    write(tmp_path, "web/package.json", "web/a.ts", "edge/deno.json", "edge/b.ts")
    (chosen,) = choice(tmp_path).matching(tmp_path / "web/a.ts")
    assert (chosen.server.id, chosen.program) == ("typescript", program)
    assert found(choice(tmp_path).matching(tmp_path / "edge/b.ts"), tmp_path) == [("deno", "edge")]


def test_only_what_is_installed(tmp_path: Path) -> None:
    write(tmp_path, "a.py")
    assert choice(tmp_path).matching(tmp_path / "a.py") == []
    install(tmp_path / ".venv/bin/pyright-langserver")
    assert found(choice(tmp_path).matching(tmp_path / "a.py"), tmp_path) == [("pyright", ".")]


def test_without_markers_the_directory_is_the_root(tmp_path: Path) -> None:
    raw = {"own": {"command": ["own"], "extensions": [".own"]}}
    write(tmp_path, "sub/deep/a.own")
    chosen = choice(tmp_path, raw, directory="sub").matching(tmp_path / "sub/deep/a.own")
    assert found(chosen, tmp_path) == [("own", "sub")]
    assert chosen[0].program == "own"


@pytest.mark.parametrize(("restricted", "number"), [(True, 0), (False, 1)])
def test_what_clients_may_not_run_serves_nothing(restricted: bool, number: int, tmp_path: Path) -> None:
    raw = {"own": {"command": ["sudo", "own"], "extensions": [".own"]}}
    chosen = choice(tmp_path, raw, ShellPolicy(restricted=restricted)).matching(tmp_path / "a.own")
    assert len(chosen) == number


def test_files_of_the_project_only(tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    (tmp_path / "p/link").symlink_to(tmp_path)
    known = choice(tmp_path / "p")
    assert known.covers(tmp_path / "p/new/a.py")
    assert not known.covers(tmp_path / "a.py")
    assert not known.covers(tmp_path / "p/link/a.py")


def test_languages() -> None:
    names = {"a.tsx": "typescriptreact", "x.h": "c", "b.py": "python", "c.zig": "zig", "Dockerfile": "dockerfile"}
    assert {name: language_of(name) for name in names} == names
