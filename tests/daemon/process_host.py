"""Driving real processes from a test: a host like the daemon, its workers, and what they leave behind."""

import json
import os
import select
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ZOO = HERE.parent / "zoo"
NOBODY = 65534


class Host:
    """``host_main.py``, driven."""

    def __init__(self, uid: int, level: str) -> None:
        self.stderr = tempfile.TemporaryFile()  # noqa: SIM115  closed by close
        path = os.pathsep.join([str(HERE), *filter(None, sys.path)])
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / "host_main.py"), str(uid), level],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.stderr,
            env=os.environ | {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"},
        )
        self.pid = self.process.pid

    def __call__(self, name: str, *arguments: Any) -> Any:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(json.dumps([name, arguments]).encode() + b"\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, "the host died"
        return json.loads(line)

    def errors(self) -> str:
        """What it and its descendants have written to their standard error."""
        self.stderr.seek(0)
        return self.stderr.read().decode()

    def close(self) -> None:
        print(self.errors(), file=sys.stderr)
        self.stderr.close()
        assert self.process.stdin and self.process.stdout
        self.process.stdin.close()
        self.process.stdout.close()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


class Session:
    """A worker of the kind "exec"."""

    def __init__(self, host: Host, **confinement: Any) -> None:
        name = f"oad-test-{os.getpid()}-{time.monotonic_ns()}"
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind("\0" + name)
            listener.listen(1)
            listener.settimeout(10)
            self.info = host("spawn", "exec", name, confinement)
            self.sock, _ = listener.accept()
        self.sock.settimeout(10)
        self.file = self.sock.makefile("rb")
        self.seen: list[dict[str, Any]] = []
        self.number = 0
        self.expect("up")

    def send(self, op: str, **order: Any) -> None:
        self.sock.sendall(json.dumps({"op": op, **order}).encode() + b"\n")

    def start(self, *argv: str, **order: Any) -> int:
        self.number += 1
        self.send("run", id=self.number, argv=argv, **order)
        return self.number

    def open(self, *argv: str, **order: Any) -> int:
        """A program to speak with."""
        self.number += 1
        self.send("open", id=self.number, argv=argv, **order)
        self.expect("opened", id=self.number)
        return self.number

    def terminal(self, *argv: str, **order: Any) -> int:
        """A program in a terminal, to type to."""
        self.number += 1
        self.send("terminal", id=self.number, argv=argv, **order)
        return self.number

    def sees(self, id: int, text: str) -> None:
        """Waits until the terminal has shown it."""
        while text not in self.output(id):
            try:
                self.seen.append(json.loads(self.file.readline()))
            except TimeoutError as error:
                raise AssertionError(f"{text!r} is not shown after {self.output(id)!r}") from error

    def expect(self, *events: str, id: int | None = None, holds: str = "") -> dict[str, Any]:
        while True:
            for message in self.seen:
                if message["event"] in events and message.get("id") == id and holds in message.get("text", ""):
                    self.seen.remove(message)
                    return message
            self.seen.append(json.loads(self.file.readline()))

    def output(self, id: int, event: str = "out") -> str:
        """Collected so far."""
        return "".join(message["text"] for message in self.seen if message["event"] == event and message["id"] == id)

    def run(self, *argv: str, **order: Any) -> dict[str, Any]:
        id = self.start(*argv, **order)
        return self.expect("outcome", "failed", "cancelled", id=id) | {
            "out": self.output(id),
            "err": self.output(id, "err"),
        }

    def close(self) -> None:
        self.file.close()
        self.sock.close()


class Marker:
    """A number that is on the command line of every process of a program in the zoo, as a duration for ``sleep``."""

    def __init__(self) -> None:
        self.text = f"600.{os.getpid()}{time.monotonic_ns() % 10**9:09d}"

    def count(self) -> int:
        return len(self.pids())

    def pids(self) -> list[int]:
        mark = self.text.encode()
        return [int(name) for name in os.listdir("/proc") if name.isdigit() and mark in _command_line(name)]

    def await_count(self, minimum: int, within_s: float = 20.0) -> int:
        end = time.monotonic() + within_s
        while (count := self.count()) < minimum and time.monotonic() < end:
            select.select([], [], [], 0.005)
        return count

    def await_none(self, within_s: float = 5.0) -> int:
        end = time.monotonic() + within_s
        while (count := self.count()) and time.monotonic() < end:
            select.select([], [], [], 0.005)
        return count


def await_ends(pids: list[int], within_s: float = 20.0) -> list[int]:
    """Those that still live then. For processes that are not the caller's children."""
    end = time.monotonic() + within_s
    while (left := [pid for pid in pids if Path(f"/proc/{pid}").exists()]) and time.monotonic() < end:
        select.select([], [], [], 0.005)
    return left


def _command_line(pid: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
