"""A gateway keeps no sockets of clients that have gone."""

import os
import socket
import sys
from pathlib import Path

import msgspec
import trio

from .conftest import standing
from .test_main import _RUN, listener


async def test_connections_of_clients_that_left_are_closed(tmp_path: Path) -> None:
    async with standing(tmp_path) as stand:
        with listener(60_000) as listening:
            settings = {
                "name": "g3",
                "descriptor": listening.fileno(),
                "daemon_endpoint": stand.daemon.endpoint,
                "runtime_dir": str(tmp_path),
                "cwd": "/",
            }
            port = listening.getsockname()[1]
            command = [sys.executable, "-c", _RUN, msgspec.json.encode(settings).decode()]
            process = await trio.lowlevel.open_process(command, pass_fds=[listening.fileno()])
        try:
            await trio.to_thread.run_sync(visit, port)
            before = sockets_of(process.pid)
            for _ in range(20):
                await trio.to_thread.run_sync(visit, port)
            with trio.fail_after(30):
                while sockets_of(process.pid) > before:  # noqa: ASYNC110  it comes true in another process
                    await trio.sleep(0.02)
        finally:
            process.kill()
            with trio.CancelScope(shield=True):
                await process.wait()


def visit(port: int) -> None:
    """One request, answered; the client, not the server, closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as sock:
        sock.sendall(b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert sock.recv(100).startswith(b"HTTP/1.1 200")


def sockets_of(pid: int) -> int:
    found = 0
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            found += os.readlink(entry).startswith("socket:")
        except OSError:
            continue
    return found
