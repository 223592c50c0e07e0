"""The service of one ordinary person, without root: ``oad service install --user``, with lingering."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ..server import until
from .machine import Machine, why_not

pytestmark = [pytest.mark.skipif(bool(why_not()), reason=why_not()), pytest.mark.timeout(240)]


class Person:
    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        machine.run("useradd", "--create-home", "--shell", "/bin/bash", "dev")
        machine.run("loginctl", "enable-linger", "dev")
        self.uid = machine.run("id", "-u", "dev").strip()

    def run(self, *command: str) -> str:
        set = [f"XDG_RUNTIME_DIR=/run/user/{self.uid}", "HOME=/home/dev", "USER=dev"]
        become = ["setpriv", "--reuid=dev", "--regid=dev", "--init-groups", "--no-new-privs"]
        return self._machine.run(*become, "env", "-C", "/home/dev", *set, *command)

    def property(self, name: str) -> str:
        return self.run("systemctl", "--user", "show", "oad.service", f"--property={name}", "--value").strip()

    def processes(self) -> list[str]:
        lines = self._machine.run("ps", "-u", "dev", "-o", "args=").splitlines()
        return [line for line in lines if line.startswith("oad") or "sleep" in line]


@pytest.fixture
def person(machine: Machine) -> Iterator[Person]:
    machine.configure("")
    machine.run("systemctl", "stop", "oad.target", "oad.service")  # both would like port 4096
    person = Person(machine)
    yield person
    person.run("systemctl", "--user", "disable", "--now", "oad.service")  # as a test that failed has left it
    machine.run("systemctl", "start", "oad.target")


async def test_for_one_person(person: Person, machine: Machine, tmp_path: Path) -> None:
    if not machine.run("sh", "-c", "ls /usr/lib/*/security/pam_systemd.so").endswith("pam_systemd.so\n"):
        pytest.skip("the image has no libpam-systemd, without which nobody but root has a systemd")
    await until(
        lambda: "running" in person.run("systemctl", "--user", "is-system-running"), "the person's systemd runs"
    )
    said = person.run("oad", "service", "install", "--user")
    assert "started" in said, said
    await until(lambda: person.property("ActiveState") == "active", "it runs")
    await until(lambda: "serving http://127.0.0.1:4096" in person.property("StatusText"), "it says where")
    assert person.run("systemd-analyze", "verify", "--user", ".config/systemd/user/oad.service") == ""
    assert person.run("oad", "service", "status", "--user").count("\n") == 1
    said = person.run("sh", "-c", "mkdir -p p && cd p && oad run --auto 'run: id -un; (setsid sleep 1000 &)'")
    assert "dev" in said, said
    before = person.property("MainPID")
    machine.signal_process(int(before), "KILL")
    await until(lambda: person.property("MainPID") not in ("0", before), "it is started again")
    person.run("sh", "-c", "printf '[server]\\ndrain_s = 60\\n' > .config/oad/oad.toml")
    person.run("systemctl", "--user", "restart", "oad.service")
    assert "run: id -un" in person.run("sh", "-c", "cd p && oad sessions").lower()
    turn = machine.start(*["runuser", "-u", "dev", "--", "env", "-C", "/home/dev/p", "HOME=/home/dev",
                           f"XDG_RUNTIME_DIR=/run/user/{person.uid}", "oad", "run", "--auto",
                           "run: sleep 6; echo fini''shed"], out=tmp_path / "turn")  # fmt: skip
    await until(lambda: any("sleep 6" in line for line in person.processes()), "the turn runs")
    person.run("systemctl", "--user", "stop", "oad.service")
    await until(lambda: turn.poll() is not None, "the turn has ended")
    assert "finished" in (tmp_path / "turn").read_text()
    assert person.property("Result") == "success"
    assert person.processes() == []
    assert "removed" in person.run("oad", "service", "uninstall", "--user")
    assert person.run("systemctl", "--user", "is-enabled", "oad.service").strip() != "enabled"
