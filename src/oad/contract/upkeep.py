"""What a sweep of the server's own data has removed, or would remove."""

from typing import Final, Literal

from .wire_model import WireModel

Kind = Literal["sessions", "events", "scratch", "temporary", "outputs", "snapshots", "logs", "copies", "pages"]
KINDS: Final[dict[Kind, str]] = {
    "sessions": "sessions that were not used, or archived, for longer than is set",
    "events": "events of the journal beyond their number, size or age",
    "scratch": "working space of sessions that are no more, and of directories nobody works in",
    "temporary": "temporary files of sessions that were not used for long",
    "outputs": "whole outputs of commands beyond their size or age",
    "snapshots": "snapshots of worktrees that nobody worked in for long, and of sessions that are no more",
    "logs": "log files that were set aside",
    "copies": "copies of the store from before upgrades, and what cut-off work has left",
    "pages": "free room inside of the store",
}


class Removed(WireModel):
    """``items``: sessions, events, files, directories or pages, by kind. ``bytes``: on disk, about."""

    kind: Kind
    items: int
    bytes: int


class SweepReport(WireModel):
    """``removed`` has every kind; with ``dryRun`` nothing was. ``left``: what could not be removed, and why."""

    dry_run: bool
    removed: list[Removed]
    left: list[str]
