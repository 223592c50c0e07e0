"""Which server is meant, as the command line says it."""

from pathlib import Path

import msgspec


class TargetOptions(msgspec.Struct, frozen=True):
    """None is "not given"."""

    url: str | None = None
    username: str | None = None
    password: str | None = None
    token: str | None = None
    data_dir: Path | None = None
