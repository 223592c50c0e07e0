"""A host that can't enforce the sandbox: nothing runs, and everybody who asks is told the same reason."""

import shutil
from collections.abc import Callable
from pathlib import Path

from ..server import Server

REASON = "bwrap: not found"


async def test_without_bubblewrap_nothing_runs(make_server: Callable[..., Server], place: Path) -> None:
    programs = place / "bin"
    programs.mkdir()
    for name in ("bash", "sh", "git", "true"):
        found = shutil.which(name)
        assert found is not None
        (programs / name).symlink_to(found)
    server = make_server(environment={"PATH": str(programs)})
    await server.start()
    async with server.client() as client:
        ready = await client.get("/readyz")
        assert ready.status_code == 503
        assert REASON in ready.text
        refused = await client.post("/session", json={})
        assert refused.status_code == 503
        assert refused.json()["name"] == "SandboxUnavailableError"
        assert REASON in refused.text
        assert "install bubblewrap" in refused.text
    assert REASON in server.logged()


async def test_no_sandbox_where_the_operator_says_so(make_server: Callable[..., Server], place: Path) -> None:
    settings = place / "oad.toml"
    settings.write_text('[sandbox]\nlevel = "none"\n')
    server = make_server()
    await server.start("--config", str(settings))
    session = await server.create()
    shell = {"agent": "build", "command": f"echo x > {place}/outside"}
    await server.ask("POST", f"/session/{session}/shell", shell)
    assert (place / "outside").exists()
    assert (await server.ask("GET", f"/session/{session}/sandbox"))["ran"]["level"] == "none"


async def test_the_weaker_level_where_the_operator_says_so(make_server: Callable[..., Server], place: Path) -> None:
    settings = place / "oad.toml"
    settings.write_text('[sandbox]\nlevel = "landlock"\n')
    server = make_server()
    await server.start("--config", str(settings))
    session = await server.create()
    shell = {"agent": "build", "command": f"echo x > {place}/outside; echo x > inside && echo done"}
    answer = await server.ask("POST", f"/session/{session}/shell", shell)
    output = answer["parts"][0]["state"]["output"]
    assert "Permission denied" in output
    assert "done" in output
    assert not (place / "outside").exists()
    assert (await server.ask("GET", f"/session/{session}/sandbox"))["ran"]["level"] == "landlock"
