"""The credential that clients show: generated at the first start, kept in a file which only its user reads."""

import base64
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

import msgspec


class Credential(msgspec.Struct, frozen=True):
    """``password`` is for Basic, ``token`` for Bearer; a generated one serves as both. Empty: not demanded."""

    username: str = "opencode"
    password: str = ""
    token: str = ""

    def __bool__(self) -> bool:
        return bool(self.password or self.token)

    def headers(self) -> dict[str, str]:
        """What a client sends."""
        if self.password:
            pair = base64.b64encode(f"{self.username}:{self.password}".encode()).decode()
            return {"authorization": f"Basic {pair}"}
        return {"authorization": f"Bearer {self.token}"} if self.token else {}


def configured_credential(environment: Mapping[str, str]) -> Credential:
    """What the environment demands; empty when it demands nothing."""
    return Credential(
        username=environment.get("OPENCODE_SERVER_USERNAME") or "opencode",
        password=environment.get("OPENCODE_SERVER_PASSWORD", ""),
        token=environment.get("OA_SERVER_TOKEN", ""),
    )


def generated_credential(file: Path) -> Credential:
    """Reads the file, or makes it."""
    secret = read_secret(file)
    if secret is None:
        secret = secrets.token_urlsafe(24)
        _write_secret(file, secret)
    return Credential(password=secret, token=secret)


def read_secret(file: Path) -> str | None:
    try:
        return file.read_text().strip() or None
    except FileNotFoundError:
        return None


def _write_secret(file: Path, secret: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as out:
        out.write(secret + "\n")
