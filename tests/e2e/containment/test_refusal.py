"""A host that can't enforce the sandbox: nothing runs, and everybody who asks is told the same reason."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from ..other_user import launcher
from ..server import Json, Server
from .scene import NOBODY

# As containers' own filters do: no namespaces, no mounts.
_IN_CONTAINER = """
import os, platform, sys
from oad.daemon import procs, seccomp
procs.prctl(procs.PR_SET_NO_NEW_PRIVS, 1)
procs.install_filter(seccomp.make_filter(platform.machine(), "sandbox"))
os.execvp(sys.argv[1], sys.argv[1:])
"""


class Host(NamedTuple):
    """``step`` is part of what is said to have failed, ``remedy`` of what is advised."""

    launcher: tuple[str, ...]
    bubblewrap: bool
    step: str
    remedy: str


CONTAINER = (sys.executable, "-c", _IN_CONTAINER)
HOSTS = {
    "no bubblewrap": Host((), False, "bwrap: not found", "install bubblewrap"),
    "no namespaces": Host(CONTAINER, True, "unshare", "the container's seccomp profile"),
    "no namespaces, as nobody": Host(
        (*launcher(NOBODY), *CONTAINER) if os.geteuid() == 0 else CONTAINER,
        True,
        "unshare",
        "kernel.unprivileged_userns_clone",
    ),
}


@pytest.fixture
def programs(place: Path) -> str:
    """A PATH without bubblewrap. The whole place is open to others, for a server that is not root's."""
    place.chmod(0o777)
    directory = place / "bin"
    directory.mkdir()
    for name in ("bash", "sh", "git", "true", "touch"):
        found = shutil.which(name)
        assert found is not None
        (directory / name).symlink_to(found)
    return str(directory)


@pytest.mark.parametrize("name", HOSTS)
async def test_nothing_runs_and_all_say_why(
    name: str, make_server: Callable[..., Server], place: Path, programs: str
) -> None:
    host = HOSTS[name]
    path = os.environ["PATH"] if host.bubblewrap else programs
    server = make_server(environment={"PATH": path}, launcher=host.launcher)
    for directory in (server.project, server.data.parent):
        directory.chmod(0o777)
    await server.start()
    async with server.client() as client:
        ready = await client.get("/readyz")
        assert ready.status_code == 503
        refused = await client.post("/session", json={})
        assert refused.status_code == 503
        assert refused.json()["name"] == "SandboxUnavailableError"
        terminal = await client.post("/pty", json={"command": "/bin/sh", "args": ["-c", f"touch {place}/ran"]})
        assert terminal.status_code == 503
        files = await client.get("/find", params={"pattern": "x"})
        assert files.status_code == 503
    assert not (place / "ran").exists()
    examined = doctor(host, path, place)
    failed = next(probe for probe in examined["probes"] if probe["name"] == "sandbox namespaces workspace")
    assert not failed["ok"]
    assert host.step in failed["step"]
    assert host.remedy in failed["remedy"]
    for said in (ready.text, refused.text, terminal.text, files.text, server.logged()):
        assert failed["step"] in said.replace("\\", "")
        assert failed["remedy"] in said


def doctor(host: Host, path: str, place: Path) -> Json:
    passed = {name: os.environ[name] for name in ("PYTHONPATH", "LANG") if name in os.environ}
    done = subprocess.run(
        [*host.launcher, sys.executable, "-m", "oad.cli.main", "doctor", "--json"],
        env={**passed, "PATH": path, "HOME": str(place)},
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
    )
    assert done.returncode == 1, done.stderr
    return json.loads(done.stdout)


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
