"""The server's own settings: the sections of oad.toml with their keys, types, ranges and defaults."""

from typing import Annotated, Literal

import msgspec

from oad.contract.forwarding import BasePath, Dialect, Forwarding
from oad.contract.oauth import Methods
from oad.contract.policy import (
    AdmissionPolicy,
    AskPolicy,
    AuditPolicy,
    JobPolicy,
    LimitPolicy,
    NetworkPolicy,
    Policy,
    SandboxPolicy,
    SharePolicy,
    ShellPolicy,
    SnapshotPolicy,
    StoragePolicy,
)
from oad.contract.telemetry import LogPolicy, TracingPolicy

Port = Annotated[int, msgspec.Meta(ge=0, le=65535)]
_LOCAL_NAME = r"^([A-Za-z0-9_-]{1,63}\.){1,4}local\.?$"
Positive = Annotated[int, msgspec.Meta(ge=1)]


class ServerConfig(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Section ``[server]``."""

    hostname: Annotated[str, msgspec.Meta(min_length=1)] = "127.0.0.1"
    port: Port = 0
    cors: tuple[str, ...] = ()
    mdns: bool = False
    mdns_domain: Annotated[str, msgspec.Meta(pattern=_LOCAL_NAME)] = "opencode.local"
    gateways: Annotated[int, msgspec.Meta(ge=1, le=64)] = 1
    body_limit_mb: Positive = 32
    log_level: Literal["debug", "info", "warn", "error"] = "info"
    idle_worker_s: Annotated[float, msgspec.Meta(ge=0)] = 300.0
    max_worker_age_s: Annotated[float, msgspec.Meta(gt=0)] | None = None
    drain_s: Annotated[float, msgspec.Meta(ge=0)] | None = None
    watchdog_s: Annotated[float, msgspec.Meta(ge=0)] = 30.0
    users_file: str = ""
    hosts: tuple[str, ...] = ()
    base_path: BasePath = ""
    trusted_proxies: tuple[str, ...] = ()
    forwarded_headers: Dialect = "x-forwarded"

    def forwarding(self) -> Forwarding:
        return Forwarding(self.base_path.rstrip("/"), self.trusted_proxies, self.forwarded_headers)


class Settings(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """oad.toml: the server, and what it decides for all sessions (see contract.policy)."""

    server: ServerConfig = ServerConfig()
    sandbox: SandboxPolicy = SandboxPolicy()
    network: NetworkPolicy = NetworkPolicy()
    limits: LimitPolicy = LimitPolicy()
    asks: AskPolicy = AskPolicy()
    audit: AuditPolicy = AuditPolicy()
    shell: ShellPolicy = ShellPolicy()
    jobs: JobPolicy = JobPolicy()
    snapshots: SnapshotPolicy = SnapshotPolicy()
    share: SharePolicy = SharePolicy()
    storage: StoragePolicy = StoragePolicy()
    logs: LogPolicy = LogPolicy()
    tracing: TracingPolicy = TracingPolicy()
    admission: AdmissionPolicy = AdmissionPolicy()
    oauth: Methods = {}

    def policy(self) -> Policy:
        return Policy(
            self.sandbox,
            self.network,
            self.limits,
            self.asks,
            self.audit,
            self.shell,
            self.jobs,
            self.oauth,
            self.snapshots,
            self.share,
            self.storage,
            self.logs,
            self.tracing,
            self.admission,
        )
