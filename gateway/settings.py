"""What the parent process tells a gateway."""

import msgspec

from oad.contract.credential import Credential
from oad.contract.forwarding import Forwarding


class GatewaySettings(msgspec.Struct, frozen=True):
    """``descriptor`` is the listening socket, which the parent made with TCP_USER_TIMEOUT: hypercorn writes without a
    time limit, so a reader that stops reading would otherwise hold a connection, and a shutdown, for ever."""

    name: str
    descriptor: int
    daemon_endpoint: str  # of the daemon's ROUTER, "ipc:///..."
    runtime_dir: str  # private to the user; the gateway's own socket is made in it
    cwd: str  # of requests that name no directory
    more_descriptors: tuple[int, ...] = ()  # further listening sockets: "localhost" has two addresses
    credentials: Credential = Credential()
    cors_origins: tuple[str, ...] = ()
    loopback: bool = True  # whether only this host can connect: then foreign host names are refused
    allowed_hosts: tuple[str, ...] = ()
    forwarding: Forwarding = Forwarding()
    body_limit: int = 32 * 1024 * 1024
    daemon_wait_s: float = 10.0  # how long a request waits for a daemon that is starting
    grace_s: float = 2.0  # how long running requests may take to end when the gateway stops
    log_level: str = "info"
