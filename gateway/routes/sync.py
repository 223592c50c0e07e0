"""Histories of sessions, passed from one server to another."""

from oad.contract.sync import Sequence, SyncEvent, SyncReplayInput, SyncSession, SyncStealInput

from ..operation import POST, Fixed, Operation, op

OPERATIONS: tuple[Operation, ...] = (
    op(
        "sync.start",
        POST,
        "/sync/start",
        returns=Fixed(True),
        target="gateway",
        summary="Start workspace sync; there are no workspaces",
    ),
    op(
        "sync.replay",
        POST,
        "/sync/replay",
        body=SyncReplayInput,
        returns=SyncSession,
        errors=(400,),
        summary="Make a session of another server's events",
    ),
    op(
        "sync.steal",
        POST,
        "/sync/steal",
        body=SyncStealInput,
        returns=SyncSession,
        errors=(400,),
        family="bare",
        summary="Steal session into workspace; there are no workspaces",
    ),
    op(
        "sync.history.list",
        POST,
        "/sync/history",
        body=dict[str, Sequence],
        returns=list[SyncEvent],
        errors=(400,),
        summary="List sync events",
    ),
)
