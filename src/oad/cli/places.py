"""Where a server keeps its data, sockets and logs."""

import hashlib
import os
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from oad.contract.proxy import SOCKET_NAME

# A Unix socket's path holds at most 107 bytes; the longest name that is appended has about 30.
_LONGEST_RUNTIME: Final = 70


class UnsafePlace(Exception):
    """A directory that should be private to the user is not."""


class Places(msgspec.Struct, frozen=True):
    data: Path
    runtime: Path
    log_file: Path

    @property
    def credential_file(self) -> Path:
        return self.data / "credential"

    @property
    def proxy_socket(self) -> Path:
        return self.runtime / SOCKET_NAME

    @property
    def address_file(self) -> Path:
        """Holds the base URL while a server runs on this data."""
        return self.runtime / "address"


def find_places(data_dir: Path | None, environment: Mapping[str, str] = os.environ) -> Places:
    """Raises UnsafePlace, OSError."""
    state = environment.get("STATE_DIRECTORY", "").split(":")[0]  # systemd's StateDirectory=
    if data_dir is None and state:
        data_dir = Path(state)
    if data_dir is not None:
        data = data_dir.expanduser().absolute()
        log = data / "log" / "oad.log"
    else:
        data = _xdg(environment, "XDG_DATA_HOME", ".local/share") / "oad"
        log = _xdg(environment, "XDG_STATE_HOME", ".local/state") / "oad" / "log" / "oad.log"
    return Places(data, _find_runtime(data, environment, is_default=data_dir is None), log)


def _xdg(environment: Mapping[str, str], variable: str, default: str) -> Path:
    value = environment.get(variable, "")
    return Path(value) if value.startswith("/") else Path(environment.get("HOME") or Path.home()) / default


def _find_runtime(data: Path, environment: Mapping[str, str], *, is_default: bool) -> Path:
    """Servers on other data have other sockets: only the default one uses the runtime directory itself."""
    service = environment.get("RUNTIME_DIRECTORY", "").split(":")[0]  # systemd's RuntimeDirectory=
    user = environment.get("XDG_RUNTIME_DIR", "")
    candidates = [data / "run"]
    if is_default and user.startswith("/") and not environment.get("XDG_DATA_HOME") and Path(user).is_dir():
        candidates.insert(0, Path(user) / "oad")
    if service:
        candidates.insert(0, Path(service))
    for runtime in candidates:
        if len(os.fsencode(runtime)) <= _LONGEST_RUNTIME:
            return runtime
    digest = hashlib.sha256(os.fsencode(data)).hexdigest()[:12]
    return _private(Path(tempfile.gettempdir()) / f"oad-{os.getuid()}") / digest


def _private(directory: Path) -> Path:
    # In a directory which all may write to, somebody else could have made it first.
    directory.mkdir(mode=0o700, exist_ok=True)
    found = directory.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise UnsafePlace(f"{directory} is not private to this user: remove it, or set XDG_RUNTIME_DIR")
    return directory
