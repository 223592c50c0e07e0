"""Real language servers below a real server, and one that misbehaves."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import psutil
import pytest
import trio

from .clients import MODULES
from .model import Model
from .server import Json, Server, is_alive, until

FAKE = Path(__file__).parents[1] / "workers/lsp/fake_server.py"


class Case(msgspec.Struct, frozen=True):
    """``broken`` has an error in ``message``; ``symbol`` is found once it is mended."""

    server: str
    program: str
    file: str
    broken: str
    message: str
    mended: str
    symbol: str = ""
    beside: dict[str, str] = {}
    prepare: tuple[str, ...] = ()


CASES = [
    Case(
        "pyright",
        "pyright-langserver",
        "a.py",
        "def needle() -> int:\n    return 'text'\n",
        "is not assignable to return type",
        "def needle() -> int:\n    return 1\n",
        "needle",
        {"pyproject.toml": "[project]\nname = 'x'\n"},
    ),
    Case(
        "typescript",
        "typescript-language-server",
        "a.ts",
        "export function needle(): number { return 'text' }\n",
        "Type 'string' is not assignable to type 'number'",
        "export function needle(): number { return 1 }\n",
        "needle",
        {"tsconfig.json": '{"compilerOptions": {"strict": true}}', "package.json": "{}"},
    ),
    Case("clangd", "clangd", "a.c", "int needle(void) { return x; }\n", "undeclared identifier 'x'",
         "int needle(void) { return 1; }\n", "needle"),
    Case("gopls", "gopls", "a.go", "package a\n\nfunc Needle() int { return x }\n", "undeclared name: x",
         "package a\n\nfunc Needle() int { return 1 }\n", "Needle", {"go.mod": "module example.org/a\n\ngo 1.19\n"}),
    Case("rust", "rust-analyzer", "src/main.rs", "fn needle() -> i32 { true }\nfn main() { needle(); }\n",
         "mismatched types", "fn needle() -> i32 { 1 }\nfn main() { needle(); }\n", "needle",
         {"Cargo.toml": '[package]\nname = "x"\nversion = "0.1.0"\nedition = "2021"\n'},
         ("cargo", "generate-lockfile", "--offline")),
]  # fmt: skip


_RUST = {"RUSTUP_HOME": ".rustup", "CARGO_HOME": ".cargo"}


def find_command(program: str) -> list[str]:
    """Skips the test where there is none that works."""
    places = [MODULES / ".bin", Path(sys.executable).parent, os.environ["PATH"]]
    found = shutil.which(program, path=":".join(map(str, places)))
    # A proxy of rustup may stand for a program that is not there.
    if found is None or (program == "rust-analyzer" and subprocess.run([found, "--version"], check=False).returncode):
        pytest.skip(f"{program} is not installed")
    return [found, "--stdio"] if program.endswith(("pyright-langserver", "typescript-language-server")) else [found]


def toolchain() -> dict[str, str]:
    """Where rustup keeps what it runs: below the home, of which the server has another."""
    places = {name: Path(os.environ.get(name) or Path.home() / below) for name, below in _RUST.items()}
    return {name: str(place) for name, place in places.items() if place.is_dir()}


def configure(server: Server, model: Model, **lsp: Json) -> None:
    (server.project / "opencode.json").write_text(json.dumps(model.configuration(lsp=lsp)))


async def use(server: Server, model: Model, session: str, *tools: tuple[str, Json]) -> list[Json]:
    """Lets the model call these tools one after the other; their parts."""
    steps = [{"tools": [{"name": name, "args": args}]} for name, args in tools]
    model.register(languages=[*steps, {"text": "done"}])
    await server.prompt(session, "script:languages")
    parts = [part for message in await server.messages(session) for part in message["parts"]]
    return [part for part in parts if part["type"] == "tool"][-len(tools) :]


async def write(server: Server, model: Model, session: str, file: str, text: str) -> Json:
    (part,) = await use(server, model, session, ("write", {"filePath": file, "content": text}))
    assert part["state"]["status"] == "completed", part
    return part["state"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.server)
async def test_errors_are_told_until_they_are_mended(
    case: Case, make_server: Callable[..., Server], model: Model
) -> None:
    command = find_command(case.program)
    if case.prepare:
        find_command(case.prepare[0])
    server = make_server()
    configure(server, model, **{case.server: {"command": command, "env": toolchain()}})
    for name, text in case.beside.items():
        (server.project / name).write_text(text)
    (server.project / case.file).parent.mkdir(exist_ok=True)
    (server.project / case.file).write_text(case.mended)
    if case.prepare:
        await trio.run_process(case.prepare, cwd=server.project, capture_stderr=True)
    before = sorted(os.walk(server.project))
    await server.start()
    session = await server.create()
    async with server.events() as events:
        await use(server, model, session, ("read", {"filePath": case.file}))

        async def connected() -> bool:
            return bool(await server.ask("GET", "/lsp"))

        await until(connected, "the language server is connected", timeout_s=40)
        await events.until(lambda event: event["type"] == "lsp.updated")
    (status,) = await server.ask("GET", "/lsp")
    assert status == {"id": case.server, "name": case.server, "root": "", "status": "connected"}

    said: list[Json] = []

    async def told() -> bool:
        """A server that has just started may be too slow for its first file."""
        said.append(await write(server, model, session, case.file, case.broken + " " * len(said)))
        return "LSP errors detected in this file, please fix:" in said[-1]["output"]

    await until(told, "the error is told", timeout_s=60)
    assert case.message in said[-1]["output"]
    path = str(server.project / case.file)
    assert any(case.message in each["message"] for each in said[-1]["metadata"]["diagnostics"][path])

    async def silent() -> bool:
        said.append(await write(server, model, session, case.file, case.mended + " " * len(said)))
        return "LSP errors" not in said[-1]["output"]

    await until(silent, "nothing is told any more", timeout_s=60)
    if case.symbol:

        async def found() -> bool:
            names = [symbol["name"] for symbol in await server.ask("GET", f"/find/symbol?query={case.symbol}")]
            return any(case.symbol in name for name in names)

        await until(found, "the symbol is found")
    assert sorted(os.walk(server.project)) == before  # it wrote nothing there
    processes = [process for process in server.processes() if command[-1] in _line(process)]
    assert processes
    await server.ask("POST", "/instance/dispose")
    await until(lambda: not any(is_alive(each) for each in processes), "the language server is gone")


def _line(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


@pytest.mark.parametrize("mode", ["crash", "hang", "flood", "garbage", "deaf"])
async def test_a_bad_one_never_fails_an_edit(mode: str, make_server: Callable[..., Server], model: Model) -> None:
    server = make_server()
    shutil.copy(FAKE, server.project / "fake.py")
    configure(server, model, bad={"command": [sys.executable, "fake.py", mode], "extensions": [".bad"]})
    await server.start()
    session = await server.create()
    state = await write(server, model, session, "a.bad", "BAD\n")
    assert state["output"] == "Wrote file successfully."
    assert (server.project / "a.bad").read_text() == "BAD\n"
    assert await server.ask("GET", "/path")  # the directory's worker answers
    assert [each["status"] for each in await server.ask("GET", "/lsp")] != ["connected"] or mode == "deaf"


async def test_sessions_share_a_server_which_may_not_write(make_server: Callable[..., Server], model: Model) -> None:
    server = make_server()
    script = FAKE.read_text().replace("    seen: list[str] = []", "    open('written', 'w')\n    seen: list[str] = []")
    (server.project / "writes.py").write_text(script)
    shutil.copy(FAKE, server.project / "fake.py")
    good = {"command": [sys.executable, "fake.py"], "extensions": [".own"]}
    bad = {"command": [sys.executable, "writes.py"], "extensions": [".own"]}
    configure(server, model, good=good, bad=bad)
    await server.start()
    for number in range(2):
        session = await server.create()
        state = await write(server, model, session, f"{number}.own", "BAD\n")
        assert "ERROR [1:1] BAD" in state["output"]
    assert [each["id"] for each in await server.ask("GET", "/lsp")] == ["good"]
    assert not (server.project / "written").exists()
    assert len([each for each in server.processes() if "fake.py" in " ".join(_line(each))]) >= 1


async def test_a_session_with_less_network_wakes_none(make_server: Callable[..., Server], model: Model) -> None:
    server = make_server()
    shutil.copy(FAKE, server.project / "fake.py")
    configure(server, model, own={"command": [sys.executable, "fake.py"], "extensions": [".own"]})
    await server.start()
    session = await server.create(sandbox={"network": "off"})
    state = await write(server, model, session, "a.own", "BAD\n")
    assert state["output"] == "Wrote file successfully."
    assert await server.ask("GET", "/lsp") == []
