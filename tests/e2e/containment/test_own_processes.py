"""Oad's own processes, as an unprivileged user's: nobody but root may look into them, and none leaves a core."""

from pathlib import Path

import psutil
import pytest

from ..server import title
from .cage import Cage


def owner(process: psutil.Process) -> int:
    return Path(f"/proc/{process.pid}/environ").stat().st_uid


def core_limit(process: psutil.Process) -> list[str]:
    lines = Path(f"/proc/{process.pid}/limits").read_text().splitlines()
    return next(line.split()[4:6] for line in lines if line.startswith("Max core"))


async def test_no_process_of_the_service_can_be_looked_into(cage: Cage) -> None:
    """The files of a process that is not dumpable belong to root, whoever it runs as."""
    if cage.scene.user == 0:
        pytest.skip("root's belong to root in any case")
    session = await cage.session()
    await cage.server.ask("POST", f"/session/{session}/shell", {"agent": "build", "command": "sleep 300 &"})
    processes = [psutil.Process(cage.server.pid), *cage.server.processes()]
    own = [process for process in processes if title(process).startswith("oad")]
    assert {"oad-daemon", "oad-gateway", "oad-zygote", "oad-session"} <= {title(p).split()[0] for p in own}
    assert any("worker" in title(process) for process in own)
    for process in own:
        assert owner(process) == 0, title(process)
    control = next(process for process in processes if title(process).startswith("sleep"))
    assert owner(control) == cage.scene.user
    for process in processes:
        assert core_limit(process) == ["0", "0"], title(process)
    await cage.server.ask("DELETE", f"/session/{session}")
