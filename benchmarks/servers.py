"""The two servers that are compared, each on scratch directories of its own."""

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from . import processes
from .client import Client, Json, Stream

ROOT = Path(__file__).parents[1]
CLIENTS = Path(os.environ.get("OAD_CLIENTS") or ROOT / ".clients")
_PATIENCE_S = 60.0
_TRY_S = 0.5  # the reference never answers what it is asked in the moment at which it begins to listen


class Server:
    """Subclasses say what it is called and how it is started."""

    name = ""

    def __init__(self, place: Path, configuration: dict[str, Json]) -> None:
        self.place = place / self.name
        self.project = self.place / "project"
        self.home = self.place / "home"
        settings = self.home / ".config" / "opencode"
        for directory in (self.project, settings, self.place / "tmp"):
            directory.mkdir(parents=True, exist_ok=True)
        (settings / "opencode.json").write_text(json.dumps(configuration))
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def command(self) -> list[str]:
        raise NotImplementedError

    def start(self) -> float:
        """Returns the seconds until its first answer about sessions."""
        began = time.perf_counter()
        with (self.place / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self.command(),
                cwd=self.project,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        while not self._answers():
            if self._process.poll() is not None or time.perf_counter() - began > _PATIENCE_S:
                raise RuntimeError(f"{self.name} does not answer:\n{(self.place / 'log').read_text()[-2000:]}")
            time.sleep(0.005)
        return time.perf_counter() - began

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_TRY_S)
        try:
            connection.request("GET", "/session/status")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def _environment(self) -> dict[str, str]:
        """Nothing of this user's configuration or keys."""
        passed = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "LANG") if name in os.environ}
        own = {"HOME": str(self.home), "TMPDIR": str(self.place / "tmp"), "SHELL": "/bin/bash"}
        quiet = {"OPENCODE_DISABLE_AUTOUPDATE": "1", "OPENCODE_DISABLE_MODELS_FETCH": "1"}
        return {**passed, **own, **quiet}

    def stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        below = [fd for pid in processes.tree(process.pid)[1:] if (fd := _open(pid)) is not None]
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for descriptor in below:  # the reference leaves commands behind
            end(descriptor)

    # --- what it costs --------------------------------------------------------------------------------------------

    def pids(self) -> list[int]:
        return processes.tree(self._process.pid) if self._process else []

    def cpu_s(self) -> float:
        return processes.cpu_s(self.pids())

    def pss_mb(self) -> float:
        return processes.pss_mb(self.pids())

    # --- asking it ------------------------------------------------------------------------------------------------

    def client(self, directory: Path | None = None) -> Client:
        return Client(self.port, str(directory or self.project))

    def stream(self) -> Stream:
        return Stream(self.port, str(self.project))


class Oad(Server):
    name = "oad"

    def command(self) -> list[str]:
        options = ["--no-auth", "--port", str(self.port), "--data-dir", str(self.place / "data")]
        return [sys.executable, "-m", "oad.cli.main", "serve", *options]


class Reference(Server):
    """Confined where that is possible: it removes directories that it is told to."""

    name = "reference"

    @staticmethod
    def missing() -> str:
        """Why it cannot be measured; empty if it can."""
        return "" if _binary() else f"the reference server is not below {CLIENTS} (make clients)"

    def command(self) -> list[str]:
        serve = [str(_binary()), "serve", "--port", str(self.port), "--hostname", "127.0.0.1"]
        confine = shutil.which("bwrap")
        if confine is None:
            return serve
        place = str(self.place)
        view = ["--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--ro-bind", "/proc/sys", "/proc/sys"]
        return [confine, *view, "--bind", place, place, "--die-with-parent", *serve]


def _binary() -> Path | None:
    return next((p for p in sorted(CLIENTS.glob("node_modules/opencode-linux-*/bin/opencode")) if p.is_file()), None)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: Any = probe.getsockname()[1]
        return int(port)


def _open(pid: int) -> int | None:
    """A pidfd; None when it has ended meanwhile."""
    try:
        return os.pidfd_open(pid)
    except ProcessLookupError:
        return None


def end(descriptor: int) -> None:
    """Kills what a pidfd names, if it lives, and closes it."""
    try:
        signal.pidfd_send_signal(descriptor, signal.SIGKILL)
    except ProcessLookupError:
        pass
    os.close(descriptor)
