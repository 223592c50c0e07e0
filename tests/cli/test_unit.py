"""``oad unit`` as real processes, without systemd: its sockets and variables made by hand."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

from tests.e2e.server import until


def start(program: str, place: Path, notify: socket.socket | None = None, *options: str) -> "subprocess.Popen[str]":
    environment = {
        **os.environ,
        "STATE_DIRECTORY": str(place / "state"),
        "RUNTIME_DIRECTORY": str(place / "run"),
        "XDG_CONFIG_HOME": str(place / "none"),
        **({"NOTIFY_SOCKET": notify.getsockname()} if notify else {}),
    }
    return subprocess.Popen(
        [sys.executable, "-m", "oad.cli.main", "unit", program, *options],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def heard(notify: socket.socket) -> str:
    try:
        return notify.recv(4096).decode()
    except BlockingIOError:
        return ""


async def test_daemon_and_gateway_side_by_side(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify, socket.create_server(("127.0.0.1", 0)) as free:
        notify.bind(str(tmp_path / "n"))
        notify.setblocking(False)
        port = free.getsockname()[1]
        free.close()
        daemon = start("daemon", tmp_path, notify)
        try:
            await until(lambda: "READY=1" in heard(notify), "the daemon is ready")
            settings = tmp_path / "oad.toml"
            settings.write_text(f"[server]\nport = {port}\n")
            gateway = start("gateway", tmp_path, notify, "--config", str(settings))
            try:
                await until(lambda: "READY=1" in heard(notify), "the gateway is ready")
                credential = (tmp_path / "state/credential").read_text().strip()
                async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
                    assert (await client.get("/session")).status_code == 401
                    answer = await client.get("/session", headers={"authorization": f"Bearer {credential}"})
                    assert (answer.status_code, answer.json()) == (200, [])
                daemon.send_signal(signal.SIGHUP)
                await until(lambda: "RELOADING=1" in heard(notify), "it reloads")
                await until(lambda: "READY=1" in heard(notify), "it has reloaded")
            finally:
                gateway.terminate()
                gateway.communicate(timeout=20)
        finally:
            daemon.terminate()
            daemon.communicate(timeout=20)
    assert (gateway.returncode, daemon.returncode) == (0, 0)


@pytest.mark.parametrize(
    ("program", "said", "status"),
    [("gateway", "there is no credential to demand of clients", 2), ("cook", "there is no program cook", 2)],
)
def test_refuses_what_can_not_be(program: str, said: str, status: int, tmp_path: Path) -> None:
    process = start(program, tmp_path)
    _, error = process.communicate(timeout=30)
    assert said in error
    assert process.returncode == status
