"""The files that make oad a service of systemd: what they are called, where they lie, what is in them."""

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Final

import msgspec

PROGRAM: Final = "/usr/local/bin/oad"  # as the units have it; replaced by the one that installs them
SYSTEM_UNITS: Final = (
    "oad.target",
    "oad.service",
    "oad-gateway.socket",
    "oad-gateway@.service",
    "oad-proxy.socket",
    "oad-proxy.service",
    "oad.slice",
)
USER_UNITS: Final = ("oad.service",)
ENABLED: Final = {
    "system": ("oad.target", "oad.service", "oad-gateway.socket", "oad-proxy.socket"),
    "user": ("oad.service",),
}


class ServiceFile(msgspec.Struct, frozen=True):
    """``kept``: the administrator's own after its first writing, neither overwritten nor removed."""

    path: Path
    content: str
    kept: bool = False

    def state(self) -> str:
        """ "missing", "current" or "different"."""
        try:
            return "current" if self.path.read_text() == self.content else "different"
        except FileNotFoundError:
            return "missing"


def system_files(root: Path, program: str) -> Iterator[ServiceFile]:
    """Below ``root``, which is "/" but for images and tests."""
    for name in SYSTEM_UNITS:
        yield ServiceFile(root / "etc/systemd/system" / name, _unit("system", name, program))
    for kind in ("sysusers.d", "tmpfiles.d"):
        yield ServiceFile(root / "etc" / kind / "oad.conf", _shipped(kind, "oad.conf"))
    yield ServiceFile(root / "etc/oad/oad.toml", _settings(), kept=True)


def user_files(configuration: Path, program: str) -> Iterator[ServiceFile]:
    """``configuration`` is the user's $XDG_CONFIG_HOME."""
    for name in USER_UNITS:
        yield ServiceFile(configuration / "systemd/user" / name, _unit("user", name, program))
    yield ServiceFile(configuration / "oad/oad.toml", _settings(), kept=True)


def _unit(kind: str, name: str, program: str) -> str:
    return _shipped(kind, name).replace(f"={PROGRAM} ", f"={program} ")


def _shipped(*parts: str) -> str:
    return files("oad.systemd").joinpath(*parts).read_text()


def _settings() -> str:
    return files("oad.configs").joinpath("oad.toml").read_text()
