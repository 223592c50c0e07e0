"""What the commands of one session may see and do, as the daemon decided it: data for worker, init and call holder."""

from collections.abc import Iterable
from typing import Final, Literal

import msgspec

from .network import parse_rules
from .policy import Level, NetworkMode, Profile
from .wire_model import WireModel

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
    allow: tuple[tuple[str, ...], ...] = ()  # with network "allow": a host must be on every one of these lists
    root: Literal["host", "minimal"] = "host"
    writable: tuple[str, ...] = ()
    protected: tuple[str, ...] = ()  # read-only although below a writable place
    hidden: tuple[str, ...] = ()
    exposed: tuple[str, ...] = ()  # read-only, although below a hidden place
    private: tuple[str, ...] = ()  # oad's own places: hidden from every profile, "full" included
    scratch: str = ""
    snapshots: str = ""  # where the workspace's snapshots are kept: seen only by commands that are run for them
    home: str = ""
    bwrap: str = ""  # the program; empty where the level does without


UNCONFINED: Final = Confinement(level="none", profile="full", ceiling="full")


def lowest_profile(profiles: Iterable[Profile | None]) -> Profile:
    """The one that allows least; None stands for no opinion."""
    ranks = [PROFILES.index(each) for each in profiles if each is not None]
    return PROFILES[min(ranks, default=-1)]


def lowest_network(modes: Iterable[NetworkMode | None]) -> NetworkMode:
    ranks = [_NETWORKS.index(each) for each in modes if each is not None]
    return _NETWORKS[min(ranks, default=-1)]


def profile_for(confinement: Confinement, wanted: Profile | None) -> Profile:
    """The profile of one command: the session's own, or what the command was given, at most the ceiling."""
    return lowest_profile((wanted or confinement.profile, confinement.ceiling))


def common_temporary(confinement: Confinement) -> str:
    """Where a worker puts temporary files that a command of its is to read or write, under any profile."""
    return "/tmp" if confinement.level == "namespaces" else f"{confinement.scratch}/tmp"  # noqa: S108  a private one


def worker_writable(confinement: Confinement) -> tuple[str, ...]:
    """What the worker's own file tools may write to."""
    if confinement.profile == "full":
        return ("/",)
    return confinement.writable if confinement.profile == "workspace" else ()


class SandboxWish(WireModel):
    """What a client asks for a session: key ``sandbox`` of a create body or a patch. Never more than the ceiling.
    ``allow``, which implies network "allow": of these hosts, those that the operator's list covers too."""

    profile: Profile | None = None
    network: NetworkMode | None = None
    allow: list[str] | None = None

    def __post_init__(self) -> None:
        """Raises BadRule; a decoder makes a msgspec.ValidationError of it."""
        parse_rules(self.allow or ())


NO_WISH: Final = SandboxWish()


class SandboxRun(WireModel):
    """What the commands of a session ran under, the last time that its worker was started."""

    level: Level
    profile: Profile
    network: NetworkMode
    started: int  # milliseconds of wall-clock time


class SandboxRecord(WireModel):
    """What is kept of a session's sandbox, beside the session's own record. ``bounds``: the lists of allowed hosts of
    the sessions that made it."""

    wish: SandboxWish | None = None
    bounds: list[list[str]] | None = None
    ran: SandboxRun | None = None


class SandboxState(WireModel):
    """What would hold now (``level``, ``profile``, ``network``), and why nothing can be run (``problem``)."""

    level: Level
    profile: Profile
    ceiling: Profile
    network: NetworkMode
    allow: list[list[str]] | None = None  # with network "allow": hosts that are on all of these lists
    wish: SandboxWish | None = None
    ran: SandboxRun | None = None
    problem: str | None = None
