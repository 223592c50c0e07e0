"""A real reverse proxy before a server, configured by the file that is shipped for it, with other addresses."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Final

from .server import Server

CONFIGS: Final = Path(__file__).parents[2] / "configs"
BASE: Final = "/oad"


class Fronted(Server):
    """The same server, by way of the proxy."""

    def __init__(self, inner: Server, url: str) -> None:
        super().__init__(inner._home, inner.project, environment=inner._environment, data=inner.data)
        self._url = url

    @property
    def url(self) -> str:
        return self._url


def program(name: str) -> str | None:
    """Where it is; Debian has servers in a directory that not everybody's path has."""
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")


@contextmanager
def nginx(place: Path, inner: str) -> Iterator[str]:
    """The outer URL. ``inner``: host and port of the server."""
    port = _free_port()
    lines = (CONFIGS / "nginx.conf").read_text().replace("127.0.0.1:4096", inner).splitlines()
    site = "\n".join(line for line in lines if "ssl_certificate" not in line)
    assert "listen 443 ssl;" in site
    temporary = "".join(
        f"{kind}_temp_path {place}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    main = f"pid {place}/nginx.pid; daemon off; worker_processes 1; error_log {place}/error.log;" + (
        " user root;" if os.getuid() == 0 else ""
    )
    (place / "main.conf").write_text(
        f"{main}\nevents {{}}\nhttp {{ access_log off; {temporary}\n"
        + site.replace("listen 443 ssl;", f"listen 127.0.0.1:{port};")
        + "\n}\n"
    )
    with _running([str(program("nginx")), "-p", str(place), "-c", str(place / "main.conf")], place, port):
        yield f"http://127.0.0.1:{port}{BASE}"


@contextmanager
def caddy(place: Path, inner: str) -> Iterator[str]:
    """As above."""
    port = _free_port()
    site = (CONFIGS / "Caddyfile").read_text().replace("127.0.0.1:4096", inner)
    assert "\ncode.example.org {" in site
    site = site.replace("\ncode.example.org {", f"\nhttp://127.0.0.1:{port} {{")
    (place / "Caddyfile").write_text(f"{{\n\tadmin off\n}}\n{site}")
    command = [str(program("caddy")), "run", "--adapter", "caddyfile", "--config", str(place / "Caddyfile")]
    with _running(command, place, port):
        yield f"http://127.0.0.1:{port}{BASE}"


PROXIES: Final[dict[str, Callable[[Path, str], AbstractContextManager[str]]]] = {"nginx": nginx, "caddy": caddy}


@contextmanager
def _running(command: list[str], place: Path, port: int) -> Iterator[None]:
    log = place / "proxy.log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env={"HOME": str(place)})
    try:
        _wait_for(process, port, log)
        yield
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    deadline = time.monotonic() + 30
    while True:
        assert process.poll() is None, f"the proxy ended:\n{log.read_text()}"
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            assert time.monotonic() < deadline, f"the proxy does not listen:\n{log.read_text()}"
            time.sleep(0.02)
        else:
            return


def _free_port() -> int:
    with socket.socket() as chosen:
        chosen.bind(("127.0.0.1", 0))
        return int(chosen.getsockname()[1])
