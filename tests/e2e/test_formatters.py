"""Formatters of a real server: real ones in the sandbox, and ones that misbehave."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from .model import Model
from .server import Json, Server, is_alive, until

UGLY = {
    "ruff": ("a.py", "x = {  'a':1 }\n", 'x = {"a": 1}\n', {"ruff.toml": ""}),
    "gofmt": ("a.go", "package a\nvar  x=1\n", "package a\n\nvar x = 1\n", {}),
    "rustfmt": ("a.rs", "fn main(){let _x=1;}\n", "fn main() {\n    let _x = 1;\n}\n", {}),
    "clang-format": ("a.c", "int  x ;\n", "int x;\n", {".clang-format": "BasedOnStyle: LLVM\n"}),
}


async def write(server: Server, model: Model, session: str, file: str, text: str) -> Json:
    model.register(
        formats=[{"tools": [{"name": "write", "args": {"filePath": file, "content": text}}]}, {"text": "ok"}]
    )
    await server.prompt(session, "script:formats")
    parts = [part for message in await server.messages(session) for part in message["parts"]]
    state = [part for part in parts if part["type"] == "tool"][-1]["state"]
    assert state["status"] == "completed", state
    return state


async def start(make_server: Callable[..., Server], model: Model, formatter: Json) -> tuple[Server, str]:
    # A proxy of rustup may stand for the program: it looks for the toolchain below a home which the server has not.
    server = make_server(environment={"RUSTUP_HOME": os.environ.get("RUSTUP_HOME") or str(Path.home() / ".rustup")})
    (server.project / "opencode.json").write_text(json.dumps(model.configuration(formatter=formatter)))
    await server.start()
    return server, await server.create()


@pytest.mark.parametrize("name", UGLY)
async def test_a_real_one(name: str, make_server: Callable[..., Server], model: Model) -> None:
    file, ugly, neat, beside = UGLY[name]
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not on PATH")
    server, session = await start(make_server, model, True)
    for sign, text in beside.items():
        (server.project / sign).write_text(text)
    listed = {each["name"]: each["enabled"] for each in await server.ask("GET", "/formatter")}
    assert listed[name]
    async with server.events() as events:
        state = await write(server, model, session, file, ugly)
        await events.until(lambda event: event["type"] == "file.edited")
    assert (server.project / file).read_text() == neat
    assert state["output"] == "Wrote file successfully."


async def test_ones_that_misbehave(make_server: Callable[..., Server], model: Model, place: Path) -> None:
    outside = place / "outside"
    escape = f"echo stolen > {outside}; echo no; exit 1"
    formatter = {
        "escapes": {"command": ["/bin/sh", "-c", escape, "sh", "$FILE"], "extensions": [".esc"]},
        "dies": {"command": ["/bin/sh", "-c", 'echo half > "$1"; kill -9 $$', "sh", "$FILE"], "extensions": [".die"]},
        "refused": {"command": ["sudo", "true", "$FILE"], "extensions": [".sudo"]},
    }
    server, session = await start(make_server, model, formatter)
    state = await write(server, model, session, "a.esc", "whole\n")
    assert "The formatter escapes failed: " in state["output"]
    assert not outside.exists()
    state = await write(server, model, session, "a.die", "whole\n")
    assert state["output"] == "Wrote file successfully.\n\nThe formatter dies failed: it was killed."
    state = await write(server, model, session, "a.sudo", "whole\n")
    assert state["output"] == "Wrote file successfully."
    assert {(server.project / name).read_text() for name in ("a.esc", "a.die", "a.sudo")} == {"whole\n"}
    listed = {each["name"]: each["enabled"] for each in await server.ask("GET", "/formatter")}
    assert [listed[name] for name in formatter] == [True, True, False]


STUBBORN = {
    "flood": "yes flood",
    "deaf": 'trap "" TERM HUP INT; while :; do sleep 1; done',
    "hidden": "exec < /dev/null > /dev/null 2>&1; setsid setsid sleep 1000",
}


async def test_ones_that_never_end_end_with_their_turn(make_server: Callable[..., Server], model: Model) -> None:
    formatters: Json = {}
    for name, script in STUBBORN.items():
        line = f"exec -a stubborn-{name}-{os.getpid()} sleep 1000 & {script}"
        formatters[name] = {"command": ["/bin/bash", "-c", line, "bash", "$FILE"], "extensions": [f".{name}"]}
    server, _ = await start(make_server, model, formatters)
    for name in STUBBORN:
        session, file = await server.create(), f"a.{name}"
        model.register(never=[{"tools": [{"name": "write", "args": {"filePath": file, "content": "whole\n"}}]}])
        await server.prompt_async(session, "script:never")
        found = await running(server, f"stubborn-{name}-{os.getpid()}")
        worker = server.one("oad-session", session, "worker")
        assert worker.memory_info().rss < 200 << 20, "what is said is not kept"
        await server.ask("POST", f"/session/{session}/abort")
        assert not any(is_alive(each) for each in found)
        assert await server.statuses() == {}
        assert (server.project / file).read_text() == "whole\n"
        assert (await server.prompt(session, "hello"))["info"]["sessionID"] == session


async def running(server: Server, mark: str) -> list[psutil.Process]:
    """Once one is there with that mark: it, and what floods."""
    found: list[psutil.Process] = []

    def is_there() -> bool:
        marked = [each for each in server.processes() if mark in command_line(each)]
        found[:] = [*marked, *(each for each in server.processes() if "yes" in command_line(each))]
        return bool(marked)

    await until(is_there, f"{mark} runs")
    return found


def command_line(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []
