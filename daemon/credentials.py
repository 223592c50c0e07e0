"""The credential store: a file that only this user reads; workers get its secrets in memory."""

import os
from pathlib import Path
from typing import Any

import msgspec


class CredentialsUnreadable(Exception):
    """The file exists but is no credential file; it is left as it is."""


class Credentials:
    """``{providerID: {"type": "api", "key": …} | {"type": "oauth", …} | {"type": "wellknown", …}}``"""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._entries: dict[str, dict[str, Any]] = self._load()

    def all(self) -> dict[str, dict[str, Any]]:
        return dict(self._entries)

    def set(self, provider: str, entry: dict[str, Any]) -> None:
        self._entries[provider] = entry
        self._save()

    def remove(self, provider: str) -> None:
        if self._entries.pop(provider, None) is not None:
            self._save()

    def _load(self) -> dict[str, dict[str, Any]]:
        try:
            raw = self._path.read_bytes()
        except FileNotFoundError:
            return {}
        try:
            return msgspec.json.decode(raw, type=dict[str, dict[str, Any]])
        except msgspec.DecodeError as error:
            raise CredentialsUnreadable(f"{self._path}: {error}") from error

    def _save(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        temporary = self._path.with_suffix(".tmp")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(self._entries), indent=2) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self._path)
