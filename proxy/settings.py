"""What the proxy is told at its start."""

from pathlib import Path

import msgspec

from oad.contract.policy import NetworkPolicy


class ProxySettings(msgspec.Struct, frozen=True):
    """``policy`` is the operator's: no session gets more, whatever it says of itself. Times are in seconds."""

    policy: NetworkPolicy = NetworkPolicy()
    log_level: str = "info"
    log_file: Path | None = None
    log_to_stderr: bool = False
    connections: int = 128  # of one session at a time
    head_s: float = 10.0  # for a whole request head, or a whole ClientHello
    resolve_s: float = 10.0
    connect_s: float = 15.0
    idle_s: float = 600.0  # without a byte in either direction
