"""A directory's whole set-up, loaded at once and kept until one of the files it came from changes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from oad.contract.catalogue import Agent, Command, Skill
from oad.contract.permission import PermissionRule

from .settings import Config


class Instruction(msgspec.Struct, frozen=True):
    """A file of standing instructions for the model."""

    path: str
    text: str


class ProjectSetup(msgspec.Struct, frozen=True):
    """``worktree`` is the top of the git worktree that holds the directory, "/" without one. ``raw`` is the merged
    configuration as written, secrets included: it must not leave the worker unmasked."""

    directory: str
    worktree: str
    config: Config
    raw: dict[str, Any]
    agents: dict[str, Agent]  # the default agent first, then by name; disabled ones are left out
    commands: dict[str, Command]
    skills: dict[str, Skill]

    def agent(self, name: str) -> Agent | None:
        return self.agents.get(name)

    def default_agent(self) -> Agent:
        """The configured one, else build, else the first that is primary and not hidden."""
        raise NotImplementedError

    def rules(self, agent: str | Agent) -> list[PermissionRule]:
        """The rules of an agent, defaults and configuration merged, in the order of evaluation (the last match wins).
        A session's own rules come after these."""
        raise NotImplementedError

    def instructions(self) -> list[Instruction]:
        """AGENTS.md (or CLAUDE.md, CONTEXT.md) from the directory up to the worktree, the user's own, and the files of
        the key ``instructions``, each once, in this order."""
        raise NotImplementedError

    def instructions_near(self, file: Path) -> list[Instruction]:
        """The instruction files between a file that is read and the directory, without those of ``instructions()``."""
        raise NotImplementedError


def load(directory: str, *, readable: Sequence[str] = ()) -> ProjectSetup:
    """The set-up of a directory, from the cache when no file, directory or variable it was made from has changed.

    ``readable``: directories outside the worktree that need no permission, such as that of truncated tool output.
    Raises ApiError 400 (ConfigJsonError, ConfigInvalidError) for broken configuration."""
    raise NotImplementedError
