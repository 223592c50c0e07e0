"""The files of a directory: listing and reading them, finding them and in them, and what has changed."""

from typing import Any

from oad.contract.files import (
    FileContent,
    FileMatch,
    FileNode,
    FileStatus,
    Symbol,
    VcsApplied,
    VcsFileDiff,
    VcsFileStatus,
    VcsPatch,
)

from ..operation import GET, POST, Operation, Plain, op
from ..query import TRUTH, Choice, Integer, Kind, Text

_REQUIRED = Text(required=True)
ENTRY_TYPE = Choice(("file", "directory"))


def _read(name: str, path: str, returns: Any, summary: str, /, **query: Kind) -> Operation:
    return op(name, GET, path, returns=returns, query=query, errors=(400,), target="project", summary=summary)


OPERATIONS: tuple[Operation, ...] = (
    _read("find.text", "/find", list[FileMatch], "Find text", pattern=_REQUIRED),
    _read(
        "find.files",
        "/find/file",
        list[str],
        "Find files",
        query=_REQUIRED,
        dirs=TRUTH,
        type=ENTRY_TYPE,
        limit=Integer(minimum=1, maximum=200),
    ),
    _read("find.symbols", "/find/symbol", list[Symbol], "Find symbols", query=_REQUIRED),
    _read("file.list", "/file", list[FileNode], "List files", path=_REQUIRED),
    _read("file.read", "/file/content", FileContent, "Read file", path=_REQUIRED),
    _read("file.status", "/file/status", list[FileStatus], "Get file status"),
    _read("vcs.status", "/vcs/status", list[VcsFileStatus], "Get VCS status"),
    _read(
        "vcs.diff",
        "/vcs/diff",
        list[VcsFileDiff],
        "Get VCS diff",
        mode=Choice(("git", "branch"), required=True),
        context=Integer(maximum=2**31 - 1),
    ),
    _read("vcs.diff.raw", "/vcs/diff/raw", Plain("text/x-diff; charset=utf-8"), "Get raw VCS diff"),
    op(
        "vcs.apply",
        POST,
        "/vcs/apply",
        body=VcsPatch,
        returns=VcsApplied,
        errors=(400,),
        target="project",
        summary="Apply VCS patch",
    ),
)
