"""What the commands of one session may see and do, as the daemon decided it: data for worker, init and call holder."""

from collections.abc import Iterable
from typing import Final, Literal

import msgspec

from .policy import Level, NetworkMode, Profile

PROFILES: Final[tuple[Profile, ...]] = ("read-only", "workspace", "full")  # each allows what those before it allow
_NETWORKS: Final[tuple[NetworkMode, ...]] = ("off", "allow", "on")


class Confinement(msgspec.Struct, frozen=True):
    """``profile`` holds for every command unless the command is given another one, never beyond ``ceiling``.

    Paths are absolute; they are resolved, and those that do not exist skipped, when a command starts. The more specific
    of two paths decides: ``writable`` below ``hidden`` is writable, ``protected`` below ``writable`` is not."""

    level: Level
    profile: Profile
    ceiling: Profile
    network: NetworkMode = "on"
    proxy: str = ""  # with network "allow": the unix socket of the filtering proxy, the only way out
    root: Literal["host", "minimal"] = "host"
    writable: tuple[str, ...] = ()
    protected: tuple[str, ...] = ()  # read-only although below a writable place
    hidden: tuple[str, ...] = ()
    exposed: tuple[str, ...] = ()  # read-only, although below a hidden place
    private: tuple[str, ...] = ()  # oad's own places: hidden from every profile, "full" included
    scratch: str = ""
    home: str = ""
    bwrap: str = ""  # the program; empty where the level does without


UNCONFINED: Final = Confinement(level="none", profile="full", ceiling="full")


def lowest_profile(profiles: Iterable[Profile | None]) -> Profile:
    """The one that allows least; None stands for no opinion."""
    return min((each for each in profiles if each is not None), key=PROFILES.index, default="full")


def lowest_network(modes: Iterable[NetworkMode | None]) -> NetworkMode:
    return min((each for each in modes if each is not None), key=_NETWORKS.index, default="on")


def profile_for(confinement: Confinement, wanted: Profile | None) -> Profile:
    """The profile of one command: the session's own, or what the command was given, at most the ceiling."""
    return lowest_profile((wanted or confinement.profile, confinement.ceiling))


class SandboxWish(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a client asks for a session: key ``sandbox`` of a create body or a patch. Never more than the ceiling."""

    profile: Profile | None = None
    network: NetworkMode | None = None


NO_WISH: Final = SandboxWish()
