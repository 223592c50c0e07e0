"""The service of one ordinary person, without root: ``oad service install --user``, with lingering."""

from collections.abc import AsyncIterator
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

    def pid_of(self, title: str) -> int:
        """0 for none, or while there are two."""
        pids = self._machine.run("pgrep", "-u", "dev", "-x", "-f", f"{title}.*").split()
        return int(pids[0]) if len(pids) == 1 else 0

    def processes(self) -> list[str]:
        lines = self._machine.run("ps", "-u", "dev", "-o", "args=").splitlines()
        return [line for line in lines if line.startswith("oad") or "sleep" in line]


@pytest.fixture
async def person(machine: Machine) -> AsyncIterator[Person]:
    if not machine.run("sh", "-c", "ls /usr/lib/*/security/pam_systemd.so").endswith("pam_systemd.so\n"):
        pytest.skip("the image has no libpam-systemd, without which nobody but root has a systemd")
    machine.configure("")
    machine.run("systemctl", "stop", "oad.target", "oad.service")  # both would like port 4096
    person = Person(machine)
    try:
        await until(
            lambda: "running" in person.run("systemctl", "--user", "is-system-running"), "the person's systemd runs"
        )
        said = person.run("oad", "service", "install", "--user")
        assert "started" in said, said
        await until(lambda: person.property("ActiveState") == "active", "it runs")
        yield person
    finally:
        person.run("systemctl", "--user", "disable", "--now", "oad.service")  # as a test that failed has left it
        machine.run("systemctl", "start", "oad.target")


async def test_what_freezes_is_replaced(person: Person, machine: Machine) -> None:
    unit = ".config/systemd/user/oad.service.d"
    person.run("sh", "-c", f"mkdir -p {unit} && printf '[Service]\\nWatchdogSec=6\\n' > {unit}/quick.conf")
    person.run("sh", "-c", "printf '[server]\\nwatchdog_s = 5\\n' > .config/oad/oad.toml")
    person.run("systemctl", "--user", "daemon-reload")
    person.run("systemctl", "--user", "restart", "oad.service")
    main = person.property("MainPID")
    for title in ("oad-gateway", "oad-daemon"):
        await until(lambda title=title: person.pid_of(title) != 0, "it runs")  # type: ignore[misc]
        before = person.pid_of(title)
        assert "works\n" in person.run("sh", "-c", "mkdir -p p && cd p && oad run --auto 'run: echo wor''ks'")
        machine.signal_process(before, "STOP")
        await until(lambda title=title, before=before: person.pid_of(title) not in (0, before), "it is replaced",  # type: ignore[misc]
                    timeout_s=40)  # fmt: skip
    assert person.property("MainPID") == main, "nothing else was"
    machine.signal_process(int(main), "STOP")
    await until(lambda: person.property("MainPID") not in ("0", main), "systemd replaces the parent", timeout_s=40)
    await until(lambda: person.property("ActiveState") == "active", "it runs")
    assert "works\n" in person.run("sh", "-c", "cd p && oad run --auto 'run: echo wor''ks'")
    person.run("sh", "-c", f"rm -r {unit} .config/oad/oad.toml; systemctl --user daemon-reload")


async def test_for_one_person(person: Person, machine: Machine, tmp_path: Path) -> None:
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
    await until(lambda: "sleep 6" in person.processes(), "the turn runs")  # and not only who asks for it
    person.run("systemctl", "--user", "stop", "oad.service")
    await until(lambda: turn.poll() is not None, "the turn has ended")
    assert "finished" in (tmp_path / "turn").read_text()
    assert person.property("Result") == "success"
    assert person.processes() == []
    assert "removed" in person.run("oad", "service", "uninstall", "--user")
    assert person.run("systemctl", "--user", "is-enabled", "oad.service").strip() != "enabled"
