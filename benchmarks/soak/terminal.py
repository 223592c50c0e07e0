"""A terminal's life as one client has it: made, looked at, typed into, left and removed."""

import base64
import os
import socket
import time

from ..client import Client

_PATIENCE_S = 30.0
_WORD = b"hello from the terminal"


def look_at_terminal(port: int, client: Client) -> None:
    """Raises RuntimeError when it does not show what its program says."""
    made = client.ask("POST", "/pty", {"command": "/bin/sh", "args": ["-c", f"echo {_WORD.decode()}; cat"]})
    id = made["id"]
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE_S) as sock:
            _shake_hands(sock, port, f"/pty/{id}/connect?cursor=0", client.directory)
            _read_until(sock, _WORD)
            sock.sendall(_frame(b"typed\r"))
            _read_until(sock, b"typed")
    finally:
        client.ask("DELETE", f"/pty/{id}")


def _shake_hands(sock: socket.socket, port: int, path: str, directory: str) -> None:
    key = base64.b64encode(os.urandom(16)).decode()
    sock.sendall(
        f"GET {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
        f"sec-websocket-version: 13\r\nsec-websocket-key: {key}\r\nx-opencode-directory: {directory}\r\n\r\n".encode()
    )


def _read_until(sock: socket.socket, word: bytes) -> None:
    seen, end = b"", time.monotonic() + _PATIENCE_S
    while word not in seen:
        data = sock.recv(1 << 14)
        if not data or time.monotonic() > end:
            raise RuntimeError(f"the terminal did not show {word!r}: {seen[-300:]!r}")
        seen += data


def _frame(text: bytes) -> bytes:
    """One masked text frame of less than 126 bytes."""
    mask = os.urandom(4)
    return bytes([0x81, 0x80 | len(text)]) + mask + bytes(byte ^ mask[i % 4] for i, byte in enumerate(text))
