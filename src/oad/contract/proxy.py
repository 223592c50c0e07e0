"""What passes over the socket of the filtering proxy, and how programs inside a session find it.

A connection begins with one frame (four bytes of length, msgpack) that says what it is for. ``Listen`` comes with the
listening socket of a session's own network namespace: the proxy accepts on it for as long as the connection lasts, so
no process of ours has to run inside. ``Dial`` turns the connection itself into one to an HTTP proxy. ``Watch`` has the
proxy report its decisions, and begins with ``Watching``.
"""

import struct
from collections.abc import Sequence
from typing import Final

import msgspec

PORT: Final = 3128  # on the loopback interface of a session's own network namespace
SOCKET_NAME: Final = "proxy.sock"
MAX_FRAME: Final = 256 * 1024
_HEAD: Final = struct.Struct("!I")

Lists = tuple[tuple[str, ...], ...]


class Listen(msgspec.Struct, tag="listen", frozen=True):
    session: str
    allow: Lists  # every one of these lists must cover a host; see contract.network


class Dial(msgspec.Struct, tag="dial", frozen=True):
    session: str
    allow: Lists


class Watch(msgspec.Struct, tag="watch", frozen=True):
    """``session`` empty: of all sessions."""

    session: str = ""


class Watching(msgspec.Struct, tag="watching", frozen=True):
    """From here on no decision is missed."""


class Decision(msgspec.Struct, tag="decision", frozen=True):
    """``address``: what was connected to, empty if nothing was; ``reason`` of a refusal."""

    session: str
    host: str
    port: int
    allowed: bool
    reason: str = ""
    address: str = ""


Request = Listen | Dial | Watch
Report = Watching | Decision

_encode = msgspec.msgpack.Encoder().encode
_decode_request = msgspec.msgpack.Decoder(Request).decode
_decode_report = msgspec.msgpack.Decoder(Report).decode


class BadFrame(ValueError):
    """Not a frame of this protocol."""


def frame(message: Request | Report) -> bytes:
    payload = _encode(message)
    return _HEAD.pack(len(payload)) + payload


def frame_length(data: bytes) -> int | None:
    """Of the whole frame at the beginning of ``data``; None while that is not known. Raises BadFrame."""
    if len(data) < _HEAD.size:
        return None
    length = int(_HEAD.unpack_from(data)[0])
    if length > MAX_FRAME:
        raise BadFrame(f"a frame of {length} bytes")
    return _HEAD.size + length


def decode_request(data: bytes) -> Request:
    """A whole frame. Raises BadFrame."""
    try:
        request: Request = _decode_request(data[_HEAD.size :])
    except msgspec.DecodeError as error:
        raise BadFrame(str(error)) from error
    return request


def decode_reports(data: bytes) -> tuple[list[Report], bytes]:
    """The whole frames in ``data``, and the rest. Raises BadFrame."""
    reports: list[Report] = []
    while (length := frame_length(data)) is not None and len(data) >= length:
        try:
            reports.append(_decode_report(data[_HEAD.size : length]))
        except msgspec.DecodeError as error:
            raise BadFrame(str(error)) from error
        data = data[length:]
    return reports, data


def proxy_environment(lists: Sequence[Sequence[str]] = ()) -> dict[str, str]:
    """The variables by which programs find the proxy. A session's own servers on loopback are reached directly, unless
    the operator lists that very name or address: then it means the host's."""
    url = f"http://127.0.0.1:{PORT}"
    listed = [entry.lower() for entries in lists for entry in entries]
    direct = ",".join(n for n in ("localhost", "127.0.0.1", "::1") if not any(_names(entry, n) for entry in listed))
    proxies = ("http_proxy", "https_proxy", "all_proxy")
    return {
        **{name: url for proxy in proxies for name in (proxy, proxy.upper())},
        **dict.fromkeys(("no_proxy", "NO_PROXY", "npm_config_noproxy"), direct),
        **dict.fromkeys(("npm_config_proxy", "npm_config_https_proxy", "PIP_PROXY", "CARGO_HTTP_PROXY"), url),
        **dict.fromkeys(("YARN_HTTP_PROXY", "YARN_HTTPS_PROXY", "GLOBAL_AGENT_HTTP_PROXY"), url),
        "NODE_USE_ENV_PROXY": "1",  # Node's own fetch looks at the variables only when told
    }


def _names(entry: str, host: str) -> bool:
    bare = entry.replace("[", "").replace("]", "")
    return bare == host or bare.startswith((f"{host}:", f"{host}/"))
