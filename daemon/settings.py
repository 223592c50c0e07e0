"""What the daemon is told at its start."""

from pathlib import Path

import msgspec

from oad.contract.policy import Policy
from oad.contract.proxy import SOCKET_NAME


class DaemonSettings(msgspec.Struct):
    """``data`` holds the database and credentials, ``runtime`` the sockets; both are private to the user. ``policy`` is
    the one in force: a reload replaces it, the rest stays."""

    data: Path
    runtime: Path
    idle_worker_s: float = 300.0
    max_worker_age_s: float | None = None
    spawn_timeout_s: float = 15.0
    shutdown_grace_s: float = 10.0
    drain_s: float = 0.0  # at a stop, for running turns to end by themselves
    log_level: str = "info"
    log_file: Path | None = None
    log_to_stderr: bool = False
    policy: Policy = Policy()
    secret_environment: dict[str, str] = {}  # variables that workers need and nobody may see

    @property
    def database(self) -> Path:
        return self.data / "oad.db"

    @property
    def register(self) -> Path:
        return self.data / "admission.db"

    def find_address(self) -> str:
        """Where clients find the server: as the operator says, or as it listens; empty before it does."""
        file = self.runtime / "address"
        return self.policy.share.url or (file.read_text().strip() if file.exists() else "")

    @property
    def audit(self) -> Path:
        return self.data / "audit"

    @property
    def call_endpoint(self) -> Path:
        return self.runtime / "daemon.sock"

    @property
    def worker_endpoints(self) -> Path:
        return self.runtime / "workers"

    @property
    def proxy_socket(self) -> Path:
        return self.runtime / SOCKET_NAME

    @property
    def scratch(self) -> Path:
        return self.data / "scratch"

    @property
    def worktrees(self) -> Path:
        return self.data / "worktree"

    @property
    def private(self) -> list[Path]:
        """What is oad's own, and hidden from everything that a session runs."""
        return [self.data, self.runtime, *([self.log_file.parent] if self.log_file is not None else [])]
