"""A new version is installed over a running one: what was there is there, and everything runs the new one."""

from pathlib import Path

import pytest

from ..server import until
from .machine import GATEWAY, IMAGE, Machine, output_of, read_answer, why_not
from .wheel import repack

pytestmark = [pytest.mark.skipif(bool(why_not()), reason=why_not()), pytest.mark.timeout(240)]
NEW = "99.1"


@pytest.fixture
def old_version(machine: Machine) -> str:
    """There are wheels of both afterwards."""
    version = machine.run("oad", "--version").split()[1]
    (site,) = Path(IMAGE).glob("opt/oad/lib/python3*/site-packages")
    for number in (version, NEW):
        repack(site, machine.place, number)
    return version


async def test_an_upgrade_loses_nothing(machine: Machine, old_version: str, tmp_path: Path) -> None:
    machine.configure("[server]\ndrain_s = 60\n")
    machine.run("systemctl", "restart", "oad.service")
    session = machine.create(title="before")
    assert machine.shell(session, "echo old") == "old\n"
    turn = machine.begin_shell(session, "sleep 8; echo finished", out=tmp_path / "turn")
    listener = machine.start("python3", "/guest.py", "listen", "/event?directory=/srv/project", out=tmp_path / "events")
    try:
        await until(lambda: machine.is_busy(session), "the turn runs")
        assert "Successfully installed" in install(machine, NEW)
        status = machine.run("oad", "service", "status")
        assert f"runs version {old_version}, installed is {NEW}: oad service install" in status
        print(machine.run("oad", "service", "install"))
        assert read_answer((tmp_path / "turn").read_text()).status == 200  # it had ended before the restart
        assert turn.wait() == 0
        for unit in ("oad.service", GATEWAY):
            await machine.until_active(unit)
            assert machine.property(unit, "StatusText").startswith(f"oad {NEW}: ")
        messages = machine.call("GET", f"/session/{session}/message")[1]
        assert [output_of(m) for m in messages if m["info"]["role"] == "assistant"] == ["old\n", "finished\n"]
        assert machine.call("GET", f"/session/{session}")[1]["title"] == "before"
        assert machine.shell(session, "echo new") == "new\n"
        assert "runs version" not in machine.run("oad", "service", "status")
    finally:
        listener.kill()
        listener.wait()
        print(install(machine, old_version))
        print(machine.run("oad", "service", "install"))


def install(machine: Machine, version: str) -> str:
    wheel = f"/shared/oad-{version}-py3-none-any.whl"
    return machine.run("/opt/oad/bin/pip", "install", "--no-index", "--no-deps", "--force-reinstall", wheel)
