"""A machine of its own to try the service on: an image booted with its own systemd."""

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import psutil

from ..server import until

GUEST = Path(__file__).with_name("guest.py")
IMAGE = os.environ.get("OAD_SYSTEMD_IMAGE", "")


def why_not() -> str:
    """Empty when a machine can be booted here."""
    if not IMAGE:
        return "OAD_SYSTEMD_IMAGE names no image; `make systemd-test` makes one"
    if os.geteuid() != 0:
        return "booting a machine needs root"
    return "" if shutil.which("systemd-nspawn") else "systemd-nspawn is not installed"


class Machine:
    """The image itself stays as it is: what is written goes to memory."""

    def __init__(self, console: Path) -> None:
        self._console = console.open("wb")
        # Without that variable parts of /proc are mounted over, and no user namespace inside may mount its own.
        self._nspawn = subprocess.Popen(
            ["systemd-nspawn", "--quiet", "--directory", IMAGE, "--volatile=overlay", "--boot", "--register=no",
             "--keep-unit", "--private-network", "--console=pipe", f"--bind-ro={GUEST}:/guest.py",
             f"--machine=oad-test-{os.getpid()}"],
            env={**os.environ, "SYSTEMD_NSPAWN_API_VFS_WRITABLE": "1"},
            stdin=subprocess.DEVNULL, stdout=self._console, stderr=self._console, start_new_session=True,
        )  # fmt: skip

    async def booted(self) -> None:
        await until(lambda: bool(self._children()), "the machine has a first process", timeout_s=30)
        await until(lambda: "running" in self.run("systemctl", "is-system-running"), "it has booted", timeout_s=60)

    def end(self) -> None:
        for process in self._children():
            process.send_signal(signal.SIGRTMIN + 4)  # power off
        try:
            self._nspawn.wait(30)
        finally:
            if self._nspawn.poll() is None:
                self._nspawn.kill()
                self._nspawn.wait()
            self._console.close()

    def _children(self) -> list[psutil.Process]:
        return psutil.Process(self._nspawn.pid).children()

    def _inside(self, *command: str) -> list[str]:
        return ["nsenter", f"--target={self._children()[0].pid}", "--all", *command]

    def run(self, *command: str) -> str:
        """Standard output and error of a command in the machine."""
        environment = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
        done = subprocess.run(
            self._inside(*command),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment,
            check=False,
        )
        return done.stdout

    def start(self, *command: str, out: Path) -> "subprocess.Popen[bytes]":
        with out.open("wb") as file:
            return subprocess.Popen(self._inside(*command), stdout=file, stderr=subprocess.STDOUT)

    # --- the service ------------------------------------------------------------------------------------------------

    def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        arguments = [method, path] + ([json.dumps(body)] if body is not None else [])
        said = self.run("python3", "/guest.py", "call", *arguments)
        status, _, answer = said.partition(" ")
        assert status.isdigit(), said
        return int(status), json.loads(answer) if answer.strip() else None

    def property(self, unit: str, name: str) -> str:
        return self.run("systemctl", "show", unit, f"--property={name}", "--value").strip()

    def pid(self, unit: str) -> int:
        return int(self.property(unit, "MainPID") or 0)

    def signal(self, unit: str, name: str) -> None:
        self.run("systemctl", "kill", "--kill-whom=main", f"--signal={name}", unit)

    def processes(self) -> dict[int, str]:
        """Of the service's user, by pid as seen inside."""
        lines = self.run("ps", "-u", "oad", "-o", "pid=,args=").splitlines()
        return {int(line.split(None, 1)[0]): line.split(None, 1)[1] for line in lines if line.strip()}

    def workers(self) -> dict[int, str]:
        """Of sessions and directories, with their inits; without what is kept ready for their next commands."""
        return {pid: title for pid, title in self.processes().items() if title.endswith((" init", " worker"))}

    async def until_active(self, unit: str, *, other_than: int = 0) -> int:
        def is_new() -> bool:
            return self.property(unit, "ActiveState") == "active" and self.pid(unit) not in (0, other_than)

        await until(is_new, f"{unit} is active", timeout_s=60)
        return self.pid(unit)

    async def until_said(self, *words: str, journal_of: str) -> None:
        def said() -> bool:
            text = self.run("journalctl", "--no-pager", "-o", "cat", "-u", journal_of)
            return all(word in text for word in words)

        await until(said, f"{words} is in the journal", timeout_s=60)
