"""What configuration files say of the server itself: oad.toml, and the ``server`` key of the user's opencode.json."""

import os
import tomllib
from pathlib import Path
from typing import Annotated, Any, cast

import msgspec
import pyjson5

from oad.contract.forwarding import BadProxy, BasePath, Dialect, Forwarding, parse_proxies
from oad.contract.network import BadRule, parse_rules
from oad.contract.oauth import BadMethod, Methods, check_methods
from oad.contract.policy import (
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
)


class BadConfig(Exception):
    """A configuration file that can't be read, with its path and the reason."""


_LEVELS = frozenset({"debug", "info", "warn", "error"})
Port = Annotated[int, msgspec.Meta(ge=0, le=65535)]
Positive = Annotated[int, msgspec.Meta(ge=1)]


class ServerConfig(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Section ``[server]`` of oad.toml. Flags win over it."""

    hostname: str | None = None
    port: Port | None = None
    cors: list[str] = []
    gateways: Annotated[int, msgspec.Meta(ge=1, le=64)] | None = None
    body_limit_mb: Positive | None = None
    log_level: str | None = None
    idle_worker_s: Annotated[float, msgspec.Meta(ge=0)] | None = None
    hosts: list[str] = []
    base_path: BasePath = ""
    trusted_proxies: list[str] = []
    forwarded_headers: Dialect = "x-forwarded"

    def forwarding(self) -> Forwarding:
        return Forwarding(self.base_path.rstrip("/"), tuple(self.trusted_proxies), self.forwarded_headers)


class _File(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
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
        )


def load_server_config(file: Path | None) -> tuple[ServerConfig, Policy]:
    """Raises BadConfig."""
    found = _load_toml(file) if file is not None else _File()
    own, shared = found.server, _load_shared()
    merged = ServerConfig(
        hostname=own.hostname or shared.hostname,
        port=own.port if own.port is not None else shared.port,
        cors=[*own.cors, *shared.cors],
        gateways=own.gateways,
        body_limit_mb=own.body_limit_mb,
        log_level=own.log_level or shared.log_level,
        idle_worker_s=own.idle_worker_s,
        hosts=own.hosts,
        base_path=own.base_path,
        trusted_proxies=own.trusted_proxies,
        forwarded_headers=own.forwarded_headers,
    )
    return merged, found.policy()


def _load_toml(file: Path) -> _File:
    try:
        found = msgspec.convert(tomllib.loads(file.read_text()), _File)
        parse_rules(found.network.allow)
        check_methods(found.oauth)
        parse_proxies(found.server.trusted_proxies)
    except BadMethod as error:
        raise BadConfig(f"{file}: {error}") from error
    except BadProxy as error:
        raise BadConfig(f"{file}: [server] trusted_proxies: {error}") from error
    except BadRule as error:
        raise BadConfig(f"{file}: [network] allow: {error}") from error
    except OSError as error:
        raise BadConfig(f"{file}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise BadConfig(f"{file}: {error}") from error
    return found


def _load_shared() -> ServerConfig:
    directory = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "opencode"
    files = [_content(directory / name) for name in ("opencode.jsonc", "opencode.json", "config.json")]
    section = next((each["server"] for each in files if each.get("server")), None)
    level = next((each["logLevel"] for each in files if each.get("logLevel")), None)
    found = _lenient(cast(dict[str, Any], section)) if isinstance(section, dict) else ServerConfig()
    if isinstance(level, str) and level.lower() in _LEVELS:
        return msgspec.structs.replace(found, log_level=level.lower())
    return found


def _content(file: Path) -> dict[str, Any]:
    """A broken file is reported to clients by the routes that need it; the listener starts anyway."""
    try:
        content: Any = pyjson5.decode(file.read_text())
    except (OSError, UnicodeDecodeError, pyjson5.Json5Exception):
        return {}
    return cast(dict[str, Any], content) if isinstance(content, dict) else {}


def _lenient(section: dict[str, Any]) -> ServerConfig:
    """What is usable of a section that other programs read too."""
    port, hostname = section.get("port"), section.get("hostname")
    return ServerConfig(
        hostname=hostname if isinstance(hostname, str) else None,
        port=port if type(port) is int and 0 <= port <= 65535 else None,
        cors=_origins(section.get("cors")),
    )


def _origins(cors: Any) -> list[str]:
    if isinstance(cors, dict):
        cors = cast(dict[str, Any], cors).get("origin")
    if isinstance(cors, str):
        return [cors]
    return [o for o in cast(list[object], cors) if isinstance(o, str)] if isinstance(cors, list) else []
