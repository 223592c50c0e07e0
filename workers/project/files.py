"""The routes of files, search and version control: what each takes from its parameters."""

from collections.abc import Awaitable, Callable
from typing import Any, Final, cast

import msgspec
import trio

from oad.contract.errors import ApiError, tagged
from oad.contract.files import EntryType, FileContent, VcsApplied, VcsPatch

from ..exec import Exec
from ..link import Answer
from .changes import WHOLE_FILE, Changes, Mode
from .content import read_bytes, read_content
from .file_names import FileNames
from .ignored_names import IgnoredNames
from .listing import IsFile, list_entries, list_nodes
from .patching import apply_patch, make_repository
from .search import find_files, find_text

Params = dict[str, str]
FileOperation = Callable[[str, Params, bytes], Awaitable[Any]]

_AT_ONCE: Final = 4  # per directory; the rest waits, and may be given up meanwhile
_USUAL_LIMIT: Final = 10  # names, of /find/file
_USUAL_LIMIT_V2: Final = 50


class Files:
    """``operations`` take the directory they are about, their parameters, and the body of the request."""

    def __init__(self, exec: Exec, temporary: str | None) -> None:
        self._exec = exec
        self._changes = Changes(exec, temporary)
        self._names = FileNames(exec)
        self._ignored = IgnoredNames(exec)
        self._limiter = trio.CapacityLimiter(_AT_ONCE)
        own: dict[str, FileOperation] = {
            "file.list": self._list,
            "file.read": self._read,
            "file.status": self._file_status,
            "find.text": self._find_text,
            "find.files": self._find_files,
            "vcs.status": self._status,
            "vcs.diff": self._diff,
            "vcs.diff.raw": self._raw,
            "vcs.apply": self._apply,
            "project.initGit": self._make_repository,
            "v2.fs.read": _in_second_version(self._read_bytes),
        }
        located = {"v2.fs.list": self._entries, "v2.fs.find": self._find_entries}
        self.operations = {op: self._in_turn(operation) for op, operation in own.items()}
        self.located = {op: self._in_turn(_in_second_version(operation)) for op, operation in located.items()}

    def _in_turn(self, operation: FileOperation) -> FileOperation:
        async def answer(directory: str, params: Params, body: bytes) -> Any:
            async with self._limiter:
                return await operation(directory, params, body)

        return answer

    async def _list(self, directory: str, params: Params, _: bytes) -> Any:
        path = params.get("path", "")
        try:
            return await list_nodes(self._ignored, directory, path)
        except IsFile:
            return _in_old_dialect(await read_content(self._exec, directory, path))

    async def _read(self, directory: str, params: Params, _: bytes) -> Any:
        return await read_content(self._exec, directory, params.get("path", ""))

    async def _read_bytes(self, directory: str, params: Params, _: bytes) -> Answer:
        return await read_bytes(directory, params.get("path", ""))

    async def _entries(self, directory: str, params: Params, _: bytes) -> Any:
        return await list_entries(directory, params.get("path", ""))

    async def _file_status(self, directory: str, params: Params, _: bytes) -> Any:
        return await self._changes.file_status(directory)

    async def _find_text(self, directory: str, params: Params, _: bytes) -> Any:
        return await find_text(self._exec, directory, params.get("pattern", ""))

    async def _find_files(self, directory: str, params: Params, _: bytes) -> list[str]:
        type = params.get("type") or ("file" if params.get("dirs") == "false" else None)
        found = await self._find(directory, params, type, _USUAL_LIMIT)
        return [entry.path for entry in found]

    async def _find_entries(self, directory: str, params: Params, _: bytes) -> Any:
        return await self._find(directory, params, params.get("type"), _USUAL_LIMIT_V2)

    async def _find(self, directory: str, params: Params, type: str | None, usual: int) -> Any:
        limit = int(params.get("limit", usual))
        wanted = cast("EntryType | None", type)
        return await find_files(self._names, directory, params.get("query", ""), limit=limit, type=wanted)

    async def _status(self, directory: str, params: Params, _: bytes) -> Any:
        return await self._changes.status(directory)

    async def _diff(self, directory: str, params: Params, _: bytes) -> Any:
        mode = cast("Mode", params.get("mode", "git"))
        return await self._changes.diff(directory, mode, int(params.get("context", WHOLE_FILE)))

    async def _raw(self, directory: str, params: Params, _: bytes) -> Answer:
        patch = await self._changes.raw(directory)
        return Answer(patch, headers={"content-type": "text/x-diff; charset=utf-8"})

    async def _apply(self, directory: str, params: Params, body: bytes) -> Any:
        await apply_patch(self._exec, directory, msgspec.json.decode(body, type=VcsPatch).patch)
        return VcsApplied(applied=True)

    async def _make_repository(self, directory: str, params: Params, _: bytes) -> Any:
        await make_repository(self._exec, directory)
        return True


def _in_old_dialect(content: FileContent) -> Any:
    """Older clients read files by the route that lists directories."""
    return {"type": "raw", "content": content.content} if content.type == "text" else content


def _in_second_version(operation: FileOperation) -> FileOperation:
    """With the error bodies of /api."""

    async def answer(directory: str, params: Params, body: bytes) -> Any:
        try:
            return await operation(directory, params, body)
        except ApiError as error:
            if error.status != 400:
                raise
            data = error.body["data"]
            raise tagged(400, "InvalidRequestError", message=data["message"], kind=data["kind"]) from None

    return answer
