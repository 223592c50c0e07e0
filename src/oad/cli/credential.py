"""The credential that clients show: generated at the first start, kept in a file which only its user reads."""

import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from oad.contract.credential import Credential

SECRET_VARIABLES: Final = ("OPENCODE_SERVER_PASSWORD", "OA_SERVER_TOKEN")


class CredentialUnreadable(Exception):
    """The file holds no text."""


def configured_credential(environment: Mapping[str, str]) -> Credential:
    """What the environment demands; empty when it demands nothing."""
    return Credential(
        username=environment.get("OPENCODE_SERVER_USERNAME") or "opencode",
        password=environment.get("OPENCODE_SERVER_PASSWORD", ""),
        token=environment.get("OA_SERVER_TOKEN", ""),
    )


def generated_credential(file: Path) -> Credential:
    """Reads the file, or makes it. Raises OSError, CredentialUnreadable."""
    secret = read_secret(file)
    if secret is None:
        secret = secrets.token_urlsafe(24)
        _write_secret(file, secret)
    elif file.stat().st_mode & 0o077:
        file.chmod(0o600)
    return Credential(password=secret, token=secret)


def read_secret(file: Path) -> str | None:
    """None when there is no such file, or nothing in it. Raises OSError, CredentialUnreadable."""
    try:
        return file.read_text("ascii").strip() or None
    except FileNotFoundError:
        return None
    except UnicodeDecodeError as error:
        raise CredentialUnreadable(f"{file} holds no credential: remove it to have a new one made") from error


def _write_secret(file: Path, secret: str) -> None:
    """In one step, so that a client never reads half of it."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    new = file.with_suffix(".new")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as out:
        out.write(secret + "\n")
    new.replace(file)
