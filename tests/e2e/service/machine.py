"""A machine of its own to try the service on: an image booted with its own systemd."""

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from ..server import until

GATEWAY = "oad-gateway@1.service"
GUEST = Path(__file__).with_name("guest.py")
IMAGE = os.environ.get("OAD_SYSTEMD_IMAGE", "")


def why_not() -> str:
    """Empty when a machine can be booted here."""
    if not IMAGE:
        return "OAD_SYSTEMD_IMAGE names no image; `make systemd-test` makes one"
    if os.geteuid() != 0:
        return "booting a machine needs root"
    return "" if shutil.which("systemd-nspawn") else "systemd-nspawn is not installed"


class Answer(NamedTuple):
    status: int
    body: Any
    retry_after: str


def read_answer(said: str) -> Answer:
    """Of guest.py."""
    status, _, rest = said.partition(" ")
    retry_after, _, answer = rest.partition(" ")
    assert status.isdigit(), said
    return Answer(int(status), json.loads(answer) if answer.strip() else None, retry_after)


def output_of(message: Any) -> str:
    state: dict[str, Any] = message["parts"][0]["state"]
    return str(state.get("output", state))


def _request(method: str, path: str, body: Any) -> list[str]:
    return ["python3", "/guest.py", "call", method, path, *([json.dumps(body)] if body is not None else [])]


class Machine:
    """The image itself stays as it is: what is written goes to memory."""

    def __init__(self, place: Path) -> None:
        """``place`` is shown to it as /shared."""
        self.place = place
        self._console = (place / "console").open("wb")
        # Without that variable parts of /proc are mounted over, and no user namespace inside may mount its own.
        self._nspawn = subprocess.Popen(
            ["systemd-nspawn", "--quiet", "--directory", IMAGE, "--volatile=overlay", "--boot", "--register=no",
             "--keep-unit", "--private-network", "--console=pipe",
             f"--bind-ro={GUEST}:/guest.py", f"--bind-ro={place}:/shared", f"--machine=oad-test-{os.getpid()}"],
            env={**os.environ, "SYSTEMD_NSPAWN_API_VFS_WRITABLE": "1"},
            stdin=subprocess.DEVNULL, stdout=self._console, stderr=self._console, start_new_session=True,
        )  # fmt: skip

    async def booted(self) -> None:
        await until(lambda: bool(self._children()), "the machine has a first process", timeout_s=30)
        await until(self._is_running, "it has booted", timeout_s=60)

    def _is_running(self) -> bool:
        # At first there is a process that only makes the machine's first one, and ends.
        return bool(self._children()) and "running" in self.run("systemctl", "is-system-running")

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
        first = next((child.pid for child in self._children()), 0)
        return ["nsenter", f"--target={first}", "--all", *command]

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
        return self.ask(method, path, body)[:2]

    def ask(self, method: str, path: str, body: Any = None) -> "Answer":
        return read_answer(self.run(*_request(method, path, body)))

    def begin(self, method: str, path: str, body: Any = None, *, out: Path) -> "subprocess.Popen[bytes]":
        """The same in the background; ``read_answer`` knows what is in ``out`` in the end."""
        return self.start(*_request(method, path, body), out=out)

    def configure(self, text: str) -> None:
        """The settings, without a reload or restart."""
        self.write("/etc/oad/oad.toml", text)

    def write(self, path: str, text: str) -> None:
        self.run("sh", "-c", f"mkdir -p $(dirname {path}) && printf '%s' '{text}' > {path}")

    # --- what is asked of it in most tests --------------------------------------------------------------------------

    def create(self, **fields: Any) -> str:
        status, session = self.call("POST", "/session?directory=/srv/project", fields)
        assert status == 200, session
        return str(session["id"])

    def shell(self, session: str, command: str) -> str:
        """Through gateway, daemon, worker and sandbox; what the command wrote, or the state of a failed one."""
        status, message = self.call("POST", f"/session/{session}/shell", {"agent": "build", "command": command})
        assert status == 200, message
        return output_of(message)

    def begin_shell(self, session: str, command: str, *, out: Path) -> "subprocess.Popen[bytes]":
        body = {"agent": "build", "command": command}
        return self.begin("POST", f"/session/{session}/shell", body, out=out)

    def is_busy(self, session: str) -> bool:
        return session in self.call("GET", "/session/status?directory=/srv/project")[1]

    def pid_of(self, *words: str) -> int:
        """Of the one process whose title has these words."""
        (found,) = [pid for pid, title in self.processes().items() if all(word in title for word in words)]
        return found

    def property(self, unit: str, name: str) -> str:
        return self.run("systemctl", "show", unit, f"--property={name}", "--value").strip()

    def pid(self, unit: str) -> int:
        return int(self.property(unit, "MainPID") or 0)

    def signal_process(self, pid: int, name: str) -> None:
        self.run("kill", f"-{name}", str(pid))

    def signal(self, unit: str, name: str) -> None:
        self.run("systemctl", "kill", "--kill-whom=main", f"--signal={name}", unit)

    def processes(self) -> dict[int, str]:
        """Of the service's user, by pid as seen inside."""
        lines = self.run("ps", "-u", "oad", "-o", "pid=,args=").splitlines()
        return {int(line.split(None, 1)[0]): line.split(None, 1)[1] for line in lines if line.strip()}

    def members(self, slice: str) -> list[str]:
        """Processes in the control groups of a slice and all below it."""
        group = self.property(slice, "ControlGroup")
        if not group:
            return []  # it has none any more
        files = f"find /sys/fs/cgroup/systemd{group} /sys/fs/cgroup/unified{group} /sys/fs/cgroup{group}"
        return self.run("sh", "-c", f"{files} -name cgroup.procs -exec cat {{}} + 2>/dev/null").split()

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
