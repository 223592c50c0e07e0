"""Worktrees of a repository."""

from typing import Any, Final

from oad.contract.worktree import Worktree, WorktreeCreateInput, WorktreeRemoveInput, WorktreeResetInput

from ..operation import DELETE, GET, POST, Method, Operation, op

_PATH: Final = "/experimental/worktree"
_DEADLINE_S: Final = 900.0  # git on large repositories and slow disks


def _change(
    name: str, method: Method, path: str, body: Any, returns: Any, summary: str, *, body_required: bool = True
) -> Operation:
    return op(
        name,
        method,
        path,
        body=body,
        body_required=body_required,
        returns=returns,
        errors=(400,),
        deadline_s=_DEADLINE_S,
        summary=summary,
    )


OPERATIONS: tuple[Operation, ...] = (
    op("worktree.list", GET, _PATH, returns=list[str], errors=(400,), summary="List worktrees"),
    _change("worktree.create", POST, _PATH, WorktreeCreateInput, Worktree, "Create worktree", body_required=False),
    _change("worktree.remove", DELETE, _PATH, WorktreeRemoveInput, bool, "Remove worktree"),
    _change("worktree.reset", POST, f"{_PATH}/reset", WorktreeResetInput, bool, "Reset worktree"),
)
