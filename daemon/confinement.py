"""What a session may see and do: the least of what its client, its agent and the operator allow, as paths of this host.

Decided anew for every worker that is started. Places that are writable are resolved here, before any command of the
session runs: a command could exchange a directory for a link that leads elsewhere.
"""

import os
import pwd
import shutil
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from oad.contract.policy import Level, NetworkMode, Policy, Profile
from oad.contract.proxy import Lists
from oad.contract.sandbox import NO_WISH, Confinement, SandboxWish, lowest_network, lowest_profile

from .repositories import find_git_directories, find_protected, of_git_directory
from .view import is_below, outermost

# Below these, another session's workspace is part of the system and stays visible.
_SYSTEM: Final = ("/", "/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc", "/opt", "/var", "/home", "/root", "/tmp")  # noqa: S108
_MOST_OTHERS: Final = 200


class WorkspaceHidden(Exception):
    """The directory of a session is one of the places that no session may see."""


class Confiner:
    """``private`` are oad's own places: data, sockets, logs, credentials. ``home`` is the user's unless given,
    ``proxy`` the socket of the filtering proxy, ``worktrees`` the one private place in which sessions may work."""

    def __init__(
        self,
        policy: Policy,
        private: Sequence[Path],
        home: str = "",
        proxy: Path | None = None,
        worktrees: Path | None = None,
    ) -> None:
        self._policy = policy
        self._worktrees = os.path.realpath(worktrees) if worktrees is not None else None
        self._proxy = str(proxy or "")
        self._private = tuple(dict.fromkeys(os.path.realpath(path) for path in private))
        self._home = home or os.environ.get("HOME") or pwd.getpwuid(os.geteuid()).pw_dir
        self._bwrap = shutil.which("bwrap") or ""

    def adopt(self, policy: Policy) -> None:
        """Holds for whatever is started from now on."""
        self._policy = policy

    @property
    def level(self) -> Level:
        return self._policy.sandbox.level

    @property
    def ceiling(self) -> Profile:
        return self._policy.sandbox.ceiling

    def decide(self, wish: SandboxWish) -> tuple[Profile, NetworkMode]:
        """What is asked for, or else the default, as far as the operator allows it."""
        sandbox = self._policy.sandbox
        profile = lowest_profile((wish.profile or sandbox.profile, sandbox.ceiling))
        return profile, lowest_network((wish.network, self._policy.network.mode))

    def allowed_hosts(self, wish: SandboxWish, bounds: Lists = ()) -> Lists:
        """A host must be on every one of these lists. Empty without a list: then nothing is reached."""
        if self.decide(wish)[1] != "allow":
            return ()
        own = (*bounds, *([tuple(wish.allow)] if wish.allow is not None else []))
        network = self._policy.network
        return own if network.mode == "on" and own else (network.allow, *own)

    def confine(
        self,
        writable: Sequence[str],
        scratch: Path,
        wish: SandboxWish = NO_WISH,
        others: Iterable[str] = (),
        bounds: Lists = (),
        *,
        relinking: bool = False,
    ) -> Confinement:
        """``writable`` are the roots of a workspace, ``others`` those of other sessions. ``relinking``: what ties a
        repository, itself one of the roots, to its worktrees may change too. Raises WorkspaceHidden."""
        sandbox = self._policy.sandbox
        roots = [os.path.realpath(path) for path in (*writable, *self._expand(sandbox.writable))]
        repositories = find_git_directories(roots)
        protected = find_protected(outermost(roots), self._home)
        protected += [path for each in repositories for path in of_git_directory(each.common)]
        if relinking:
            links = [f"{root}/worktrees" for root in roots]
            protected = [path for path in protected if not any(is_below(path, place) for place in links)]
        roots = outermost((*roots, *(str(path) for each in repositories for path in each.writable)))
        hidden = self._expand(sandbox.hide)
        shared = (str(each.common) for each in repositories)
        exposed = (*self._expand(sandbox.expose), *_own_program(), *shared)
        self._check(roots, hidden)
        profile, network = self.decide(wish)
        return Confinement(
            level=self.level,
            profile=profile,
            ceiling=self.ceiling,
            network=network,
            proxy=self._proxy if network == "allow" else "",
            allow=self.allowed_hosts(wish, bounds),
            root=sandbox.root,
            writable=tuple(roots),
            protected=tuple(protected),
            hidden=tuple(dict.fromkeys((*hidden, *self._of_others(others, (*roots, *exposed))))),
            exposed=exposed,
            private=self._private,
            scratch=os.path.realpath(scratch),
            home=self._home,
            bwrap=self._bwrap,
        )

    def _expand(self, paths: Iterable[str]) -> tuple[str, ...]:
        """``~`` is the home, and so is what is relative."""
        return tuple(str(Path(self._home, path.removeprefix("~/") if path != "~" else "")) for path in paths)

    def _check(self, roots: Iterable[str], hidden: Iterable[str]) -> None:
        places = [os.path.realpath(place) for place in hidden]
        for root in roots:
            place = next((place for place in places if is_below(root, place)), None)
            if place is not None:
                raise WorkspaceHidden(f"{root} lies in {place}, which [sandbox] hide keeps from sessions")
            if any(is_below(root, place) for place in self._private) and not self._is_worktree(root):
                raise WorkspaceHidden(f"{root} belongs to oad itself")

    def _is_worktree(self, path: str) -> bool:
        """In one of oad's worktrees, which are two levels below their root."""
        if self._worktrees is None or not is_below(path, self._worktrees):
            return False
        return len(Path(path).relative_to(self._worktrees).parts) >= 2

    def _of_others(self, others: Iterable[str], mine: Sequence[str]) -> list[str]:
        """Neither what I work in, nor what contains or lies in it, nor what everybody needs."""
        needed = (*mine, self._home, *_SYSTEM)
        found = (os.path.realpath(other) for other in others)
        return [
            other
            for other in dict.fromkeys(found)
            if not any(is_below(place, other) for place in needed) and not any(is_below(other, place) for place in mine)
        ][:_MOST_OTHERS]


def _own_program() -> tuple[str, ...]:
    """The interpreter and its packages (ripgrep comes with them), wherever they are installed."""
    return tuple(dict.fromkeys((sys.prefix, sys.base_prefix, str(Path(__file__).parents[1]))))
