"""The server's own settings: what is refused, what is in force, and what a reload takes over."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx2

from .foreground import Command
from .server import Server, until


async def test_a_server_with_broken_settings_says_all_that_is_wrong(place: Path) -> None:
    (place / "oad.toml.d").mkdir()
    (place / "oad.toml").write_text("[server]\nport = 0\ngatways = 2\n\n[limits]\nsessions = 0\n")
    (place / "oad.toml.d/10-site.toml").write_text("[limits]\ncost = = 1\n")
    command = Command(place, "--config", "oad.toml", OAD_ASKS_WAIT_S="soon")
    assert await command.ended() == 2
    assert command.err.replace(f"{place}/", "").splitlines() == [
        "oad: oad.toml:3: server.gatways: there is no such key; did you mean gateways?",
        "oad: oad.toml:6: limits.sessions: expected whole number above 0, found 0",
        "oad: oad.toml.d/10-site.toml:2: not TOML: Invalid value",
        'oad: OAD_ASKS_WAIT_S: asks.wait_s: expected number above 0, found "soon"',
    ]
    assert (command.out, command.data.exists()) == ("", False)


async def test_what_is_shown_is_in_force_and_a_broken_reload_changes_nothing(
    make_server: Callable[..., Server], place: Path
) -> None:
    file, drop_in = place / "oad.toml", place / "oad.toml.d/10-site.toml"
    drop_in.parent.mkdir()
    file.write_text("[server]\nbody_limit_mb = 4\n[limits]\nsessions = 5\n")
    drop_in.write_text("[limits]\nsessions = 1\n")
    server = make_server(environment={"OAD_SERVER_BODY_LIMIT_MB": "1"})
    await server.start("--config", str(file))
    shown = show(file, OAD_SERVER_BODY_LIMIT_MB="1")
    assert shown["server.body_limit_mb"] == {
        "value": 1,
        "origin": [{"kind": "environment", "place": "OAD_SERVER_BODY_LIMIT_MB"}],
    }
    assert shown["limits.sessions"] == {
        "value": 1,
        "origin": [{"kind": "drop-in", "place": str(drop_in), "line": 2}],
    }
    assert await status(server, {"title": "x" * 2_000_000}) == 413
    assert await status(server, {}) == 200
    assert await status(server, {}) == 429

    drop_in.write_text("[limits]\n\nsessons = 9\n")
    server.one("oad-daemon").send_signal(signal.SIGHUP)
    await until(lambda: f"{drop_in}:3: limits.sessons" in server.logged(), "the log tells what is wrong")
    assert await status(server, {}) == 429

    drop_in.write_text("[limits]\nsessions = 2\n")
    server.one("oad-daemon").send_signal(signal.SIGHUP)
    await until(lambda: "settings taken over" in server.logged(), "they are taken over")
    assert [await status(server, {}), await status(server, {})] == [200, 429]


def show(file: Path, **environment: str) -> "dict[str, object]":
    done = subprocess.run(
        [sys.executable, "-m", "oad.cli.main", "config", "show", "--json", "--origin", "--config", str(file)],
        env={**os.environ, "XDG_CONFIG_HOME": "/nonexistent", **environment},
        capture_output=True,
        check=True,
    )
    found: dict[str, object] = json.loads(done.stdout)
    return found


async def status(server: Server, body: "dict[str, str]") -> int:
    async with httpx2.AsyncClient(base_url=server.url, trust_env=False) as client:
        return (await client.post("/session", json=body, timeout=60)).status_code
