import os
import signal
import socket
import sys
from pathlib import Path

import msgspec
import trio

from .conftest import Stand, standing
from .reader import reading

_RUN = (
    "import sys, msgspec; from oad.gateway.main import run_gateway; from oad.gateway.settings import GatewaySettings; "
    "run_gateway(msgspec.json.decode(sys.argv[1], type=GatewaySettings))"
)


def listener(user_timeout_ms: int) -> socket.socket:
    made = socket.socket()
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, user_timeout_ms)
    made.bind(("127.0.0.1", 0))
    made.listen(16)
    return made


async def test_term_ends_the_process_although_a_reader_has_stalled(tmp_path: Path) -> None:
    async with standing(tmp_path) as stand:
        with listener(60_000) as listening:
            port = listening.getsockname()[1]
            settings = {
                "name": "g2",
                "descriptor": listening.fileno(),
                "daemon_endpoint": stand.daemon.endpoint,
                "runtime_dir": str(tmp_path),
                "cwd": "/",
                "grace_s": 0.1,
            }
            command = [sys.executable, "-c", _RUN, msgspec.json.encode(settings).decode()]
            process = await trio.lowlevel.open_process(command, pass_fds=[listening.fileno()])
        try:
            async with reading(port, "/event?directory=/p") as reader:
                await reader.until("server.connected")
                await _stall(stand)
                os.kill(process.pid, signal.SIGTERM)
                with trio.fail_after(8):
                    assert await process.wait() == 0
        finally:
            process.kill()
            with trio.CancelScope(shield=True):
                await process.wait()


async def _stall(stand: Stand) -> None:
    """More than the socket's buffers hold, to a client that does not read."""
    for number in range(1, 40):
        await stand.daemon.publish("todo.updated", {"n": number, "text": "x" * 300_000})
    await stand.daemon.taken()
