"""Frames between a worker and the exec broker of its session, a pair of SEQPACKET sockets.

A frame is one packet of msgpack plus descriptors. A packet cannot be longer than the socket's send buffer, and an
environment may be; so what does not fit travels in a memfd, which is then the first descriptor, and the packet says so
in its first byte.
"""

import os
import socket
from collections.abc import Sequence
from typing import cast

import msgspec

from .worker import BrokerAnswer, BrokerRequest, CallStatus

INLINE_BYTES = 64 * 1024
MAX_BYTES = 16 * 1024 * 1024
_INLINE, _MEMFD = b"i", b"m"
_DESCRIPTORS = 6

_encode = msgspec.msgpack.Encoder().encode
_decode_request = msgspec.msgpack.Decoder(BrokerRequest).decode
_decode_answer = msgspec.msgpack.Decoder(BrokerAnswer).decode
_encode_status = msgspec.json.Encoder().encode
_decode_status = msgspec.json.Decoder(CallStatus).decode


def send_request(sock: socket.socket, request: BrokerRequest, fds: Sequence[int] = ()) -> None:
    """Raises BlockingIOError when the socket is non-blocking and full, ValueError for a request beyond any limit."""
    payload = _encode(request)
    if len(payload) <= INLINE_BYTES:
        socket.send_fds(sock, [_INLINE + payload], list(fds))
        return
    if len(payload) > MAX_BYTES:
        raise ValueError(f"request of {len(payload)} bytes, the limit is {MAX_BYTES}")
    memory = _to_memory(payload)
    try:
        socket.send_fds(sock, [_MEMFD], [memory, *fds])
    finally:
        os.close(memory)


def receive_request(sock: socket.socket) -> tuple[BrokerRequest, list[int]] | None:
    """None at the end of the stream. Raises msgspec.DecodeError; the descriptors of such a frame are closed."""
    packet, fds, _flags, _address = socket.recv_fds(sock, INLINE_BYTES + 1, _DESCRIPTORS, socket.MSG_CMSG_CLOEXEC)
    if not packet:
        return None
    try:
        if packet[:1] == _MEMFD:
            return _decode_request(_from_memory(fds.pop(0))), fds
        return _decode_request(packet[1:]), fds
    except (msgspec.DecodeError, IndexError) as error:
        for fd in fds:
            os.close(fd)
        raise msgspec.DecodeError(str(error)) from error


def encode_answer(answer: BrokerAnswer) -> bytes:
    return _encode(answer)


def decode_answer(packet: bytes) -> BrokerAnswer:
    return cast("BrokerAnswer", _decode_answer(packet))


def encode_status(status: CallStatus) -> bytes:
    """One line; the first line on a status pipe counts."""
    return _encode_status(status) + b"\n"


def decode_status(data: bytes) -> CallStatus | None:
    """None for an incomplete line: the holder was killed before it could tell."""
    line, newline, _rest = data.partition(b"\n")
    return _decode_status(line) if newline else None


def _to_memory(payload: bytes) -> int:
    memory = os.memfd_create("oad-request")
    view = memoryview(payload)
    while view:
        view = view[os.write(memory, view) :]
    os.lseek(memory, 0, os.SEEK_SET)
    return memory


def _from_memory(fd: int) -> bytes:
    with os.fdopen(fd, "rb") as file:
        return file.read(MAX_BYTES)
