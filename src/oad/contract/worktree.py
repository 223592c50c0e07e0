"""Worktrees that oad makes of a repository: what clients send, and what the daemon has workers do for it."""

from .wire_model import WireModel


class WorktreeCreateInput(WireModel):
    """``start_command`` is run in the new worktree after the project's own start command."""

    name: str | None = None
    start_command: str | None = None


class WorktreeRemoveInput(WireModel):
    directory: str


class WorktreeResetInput(WireModel):
    directory: str


class Worktree(WireModel):
    name: str
    directory: str
    branch: str | None = None


class WorktreePlan(WireModel):
    """What a worker is told of one: its place and its branch."""

    directory: str
    branch: str


class WorktreeState(WireModel):
    """What would be lost with it: changes that are not committed, commits that are on no other branch."""

    changed: bool
    unmerged: bool


class WorktreeSurvey(WireModel):
    """What has to be known before one is made: whether its start commands may run, and which branches there are."""

    commands: list[str]
    branches: list[str] | None = None
