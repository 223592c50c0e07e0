"""The reference's web application: where its files come from, and a browser that shows it for another server."""

import base64
import json
import shutil
import socket
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

import pytest

from .clients import MODULES, environment

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def browser_program() -> str:
    """Skips the test when there is none."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip("there is no browser: apt install chromium")
    return found


@contextmanager
def application(place: Path) -> Iterator[str]:
    """Where the application's files are served: by the reference, in whose binary they are. It is used for nothing
    else, and confined, for it carries out whatever it is asked."""
    program = next((p for p in sorted(MODULES.glob("opencode-linux-*/bin/opencode")) if p.is_file()), None)
    confine = shutil.which("bwrap")
    if program is None or confine is None:
        pytest.skip("the reference's binary (`make clients`) or bubblewrap to confine it in is not installed")
    home, port = place / "application", _free_port()
    home.mkdir()
    system = ["--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--ro-bind", "/proc/sys", "/proc/sys"]
    view = [*system, "--bind", str(home), str(home), "--chdir", str(home), "--die-with-parent"]
    with (place / "application.log").open("wb") as log:
        process = subprocess.Popen(
            [confine, *view, str(program), "serve", "--port", str(port), "--hostname", "127.0.0.1"],
            env={**environment(home), "TMPDIR": str(home)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait(lambda: _serves(url), f"the application is served: {place / 'application.log'}")
        yield url
    finally:
        process.kill()
        process.wait()


def _serves(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as response:
            return b"<script" in response.read()
    except OSError:
        return False


def _wait(condition: Callable[[], bool], what: str, *, timeout_s: float = 60) -> None:
    end = monotonic() + timeout_s
    while not condition():
        assert monotonic() < end, f"in {timeout_s} s it did not happen that {what}"
        sleep(0.1)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def pointing_at(server: str) -> str:
    """A script that makes ``server`` the one and only server of the application, as its settings page would."""
    servers = json.dumps({"list": [server], "projects": {}, "lastProject": {}, "recentlyClosed": {}})
    return (
        f"localStorage.setItem('opencode.settings.dat:defaultServerUrl', {json.dumps(server)});"
        f"localStorage.setItem('opencode.global.dat:server', {json.dumps(servers)});"
    )


def page_of(directory: Path) -> str:
    """The path of the page that begins a session in a directory."""
    return f"/{base64.urlsafe_b64encode(str(directory).encode()).decode().rstrip('=')}/session"
