"""The credential store: a file that only this user reads; workers get its secrets in memory."""

import os
from pathlib import Path
from typing import Any

import msgspec

from oad.contract.redact import KNOWN

from .vault import secrets_of


class CredentialsUnreadable(Exception):
    """The file exists but is no credential file; it is left as it is."""


class Credentials:
    """``{providerID: {"type": "api", "key": …} | {"type": "oauth", …} | {"type": "wellknown", …}}``

    ``given``: such entries as JSON (OPENCODE_AUTH_CONTENT), which count where the file has none and are never written.
    Raises CredentialsUnreadable."""

    def __init__(self, path: Path, given: str = "") -> None:
        self._path = path
        self._given = _read(given.encode("utf-8", "surrogateescape"), "OPENCODE_AUTH_CONTENT") if given else {}
        self._entries: dict[str, dict[str, Any]] = self._load()
        KNOWN.learn(secrets_of(self._given))
        KNOWN.learn(secrets_of(self._entries))

    def all(self) -> dict[str, dict[str, Any]]:
        return {**self._given, **self._entries}

    def for_workers(self) -> dict[str, dict[str, Any]]:
        """What models are reached with. What renews it stays here."""
        kept = ("refresh", "login")
        return {
            provider: {name: value for name, value in entry.items() if name not in kept}
            for provider, entry in self.all().items()
        }

    def set(self, provider: str, entry: dict[str, Any]) -> None:
        """Raises OSError; then nothing has changed."""
        KNOWN.learn(secrets_of({provider: entry}))
        self._save({**self._entries, provider: entry})

    def remove(self, provider: str) -> None:
        """As ``set``."""
        if provider in self._entries:
            self._save({name: entry for name, entry in self._entries.items() if name != provider})

    def _load(self) -> dict[str, dict[str, Any]]:
        try:
            raw = self._path.read_bytes()
        except FileNotFoundError:
            return {}
        return _read(raw, str(self._path))

    def _save(self, entries: dict[str, dict[str, Any]]) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        temporary = self._path.with_suffix(".tmp")
        temporary.unlink(missing_ok=True)  # whatever lies there may be open to others
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(entries), indent=2) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self._path)
        self._entries = entries


def _read(raw: bytes, name: str) -> dict[str, dict[str, Any]]:
    try:
        return msgspec.json.decode(raw, type=dict[str, dict[str, Any]])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise CredentialsUnreadable(f"{name}: {error}") from error
