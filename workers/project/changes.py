"""How a directory differs from what is committed."""

import os
import shutil
import tempfile
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, Literal

import trio

from oad.contract.errors import bad_request, unexpected
from oad.contract.files import FileStatus, VcsFileDiff, VcsFileStatus

from ..exec import Exec
from .branches import read_branches
from .enclosure import shown
from .git import GitAnswer, ask_git, run_git
from .listing import in_order
from .patch_text import FileChange, read_changes

Mode = Literal["git", "branch"]
WHOLE_FILE: Final = 2**31 - 1  # lines of context
_MAX_BYTES: Final = 16 << 20  # of all patches
_TIMEOUT_S: Final = 25.0
_MAX_UNTRACKED: Final = 5000  # files that are read; of more only the names are told
_MAX_UNTRACKED_BYTES: Final = 64 << 20  # a larger file likewise
_EMPTY_TREE: Final = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
# Nothing of the repository's configuration changes the form, and nothing of it is run; what is uncommitted inside of a
# submodule is not looked for, since git would start another git there that minds the submodule's configuration.
_FORM: Final = (
    *("--no-ext-diff", "--no-textconv", "--no-color", "--no-renames", "--no-relative", "--src-prefix=a/"),
    *("--dst-prefix=b/", "--submodule=short", "--ignore-submodules=dirty"),
)


class Changes:
    """``temporary`` is a directory for files that git reads and writes, whatever profile it runs under."""

    def __init__(self, exec: Exec, temporary: str | None = None) -> None:
        self._exec = exec
        self._temporary = temporary

    async def status(self, directory: str) -> list[VcsFileStatus]:
        """Paths are relative to the top of the worktree; nothing where there is no repository."""
        return [
            VcsFileStatus(file=_name(each), additions=each.additions, deletions=each.deletions, status=each.change)
            for each in await self._read(directory, "git", None)
        ]

    async def file_status(self, directory: str) -> list[FileStatus]:
        """The same with paths relative to ``directory``, as the routes of files take them."""
        changes = await self._read(directory, "git", None)
        prefix = await ask_git(self._exec, directory, "rev-parse", "--show-prefix") if changes else ""
        return [
            FileStatus(
                path=_name(each).removeprefix(prefix or ""),
                added=each.additions,
                removed=each.deletions,
                status=each.change,
            )
            for each in changes
        ]

    async def diff(self, directory: str, mode: Mode, context: int = WHOLE_FILE) -> list[VcsFileDiff]:
        """``branch``: from where the branch left the default branch; nothing on that one itself."""
        return [
            VcsFileDiff(
                file=_name(each),
                patch=None if each.patch is None else each.patch.decode("utf-8", "replace"),
                additions=each.additions,
                deletions=each.deletions,
                status=each.change,
            )
            for each in await self._read(directory, mode, context)
        ]

    async def raw(self, directory: str) -> bytes:
        """One patch of all that is not committed, binary files included: ``git apply`` makes the same of it.

        Raises ApiError (400) when it is too large to be told."""
        base = await self._base(directory, "git")
        if base is None:
            return b""
        async with self._index(directory) as (index, untold):
            answer = await self._diff(directory, index, "--binary", "--unified=3", base)
        _check(answer)
        if large := next((path for path in untold if not path.endswith(b"/")), None):
            raise bad_request(f"Too large, or one file too many, for a patch: {shown(os.fsdecode(large))}", "Query")
        if not answer.whole:
            raise bad_request(f"The changes are larger than {_MAX_BYTES >> 20} MiB", "Query")
        return answer.stdout

    async def _read(self, directory: str, mode: Mode, context: int | None) -> list[FileChange]:
        """Without ``context`` there are no patches."""
        base = await self._base(directory, mode)
        if base is None:
            return []
        async with self._index(directory) as (index, untold):
            patch = () if context is None else ("--patch", f"--unified={context}")
            form = ("--raw", "--numstat", "-z", *patch, base)
            answer = await self._diff(directory, index, *form)
            if index and answer.exit and answer.whole:  # one untracked file that cannot be read is enough
                untold += await self._untracked(directory)
                answer = await self._diff(directory, "", *form)
        _check(answer)
        found = read_changes(answer.stdout, whole=answer.whole)
        known = {each.path for each in found}
        found += [FileChange(path, "added", 0, 0, None) for path in untold if path not in known]
        return sorted(found, key=lambda each: in_order(_name(each)))

    async def _diff(self, directory: str, index: str, *arguments: str) -> GitAnswer:
        environ = {"GIT_INDEX_FILE": index} if index else {}
        return await run_git(
            self._exec,
            directory,
            *("diff", *_FORM, *arguments, "--", "."),
            environ=environ,
            limit=_MAX_BYTES,
            timeout_s=_TIMEOUT_S,
        )

    async def _base(self, directory: str, mode: Mode) -> str | None:
        """What to compare with; None where there is nothing to compare."""
        if await ask_git(self._exec, directory, "rev-parse", "--is-inside-work-tree") != "true":
            return None
        if mode == "branch":
            return await self._fork_point(directory)
        head = await ask_git(self._exec, directory, "rev-parse", "--verify", "--quiet", "HEAD")
        return head or await ask_git(self._exec, directory, "hash-object", "-t", "tree", "/dev/null") or _EMPTY_TREE

    async def _fork_point(self, directory: str) -> str | None:
        info = await read_branches(self._exec, directory)
        default = info.default_branch
        if default is None or info.branch == default:
            return None
        for reference in (f"refs/remotes/origin/{default}", f"refs/heads/{default}"):
            if base := await ask_git(self._exec, directory, "merge-base", reference, "HEAD"):
                return base
        return None

    @asynccontextmanager
    async def _index(self, directory: str) -> AsyncGenerator[tuple[str, list[bytes]]]:
        """A copy of the index that has the untracked files too, so that one git tells of all; the repository's own
        stays as it is. Empty where there are none. And those that are not in it: too many, too large, or repositories
        of their own, whose names end in a slash."""
        untracked = await self._untracked(directory)
        if not untracked:
            yield "", []
            return
        top = await ask_git(self._exec, directory, "rev-parse", "--show-toplevel") or directory
        told, untold = await trio.to_thread.run_sync(_divide, top, untracked)
        if self._temporary:
            await trio.Path(self._temporary).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="oad-index-", dir=self._temporary or None) as folder:
            index = str(Path(folder, "index"))
            ready = await self._add(top, index, told)
            yield (index, untold) if ready else ("", untracked)

    async def _untracked(self, directory: str) -> list[bytes]:
        flags = ("--others", "--exclude-standard", "--full-name", "-z", "--", ".")
        answer = await run_git(self._exec, directory, "ls-files", *flags, limit=_MAX_BYTES)
        return [path for path in answer.stdout.split(b"\0") if path]

    async def _add(self, directory: str, index: str, paths: Sequence[bytes]) -> bool:
        own = await ask_git(self._exec, directory, "rev-parse", "--path-format=absolute", "--git-path", "index")
        if own is None:
            return False
        await trio.to_thread.run_sync(_copy, own, index)
        arguments = ("add", "--intent-to-add", "--pathspec-from-file=-", "--pathspec-file-nul")
        answer = await run_git(
            self._exec,
            directory,
            *("--literal-pathspecs", *arguments),
            stdin=b"\0".join(paths),
            # Git stores the empty file that it notes for each; beside the copy, since the repository is not touched.
            environ={"GIT_INDEX_FILE": index, "GIT_OBJECT_DIRECTORY": str(Path(index).parent)},
        )
        return answer.exit == 0


def _check(answer: GitAnswer) -> None:
    if answer.exit != 0 and answer.whole:
        said = answer.stderr.strip() or "it took too long"
        raise unexpected(f"git can't tell the changes: {said[:1000]}")


def _divide(directory: str, paths: list[bytes]) -> tuple[list[bytes], list[bytes]]:
    """Those that git is to read, and the rest."""
    told: list[bytes] = []
    for path in paths:
        if len(told) == _MAX_UNTRACKED:
            break
        if not path.endswith(b"/") and _size(directory, path) <= _MAX_UNTRACKED_BYTES:
            told.append(path)
    chosen = set(told)
    return told, [path for path in paths if path not in chosen]


def _size(directory: str, path: bytes) -> int:
    try:
        return os.lstat(os.path.join(os.fsencode(directory), path)).st_size  # noqa: PTH118  bytes
    except OSError:
        return 0


def _copy(source: str, target: str) -> None:
    """A repository without an index, just made, has nothing to copy."""
    if Path(source).exists():
        shutil.copyfile(source, target)


def _name(change: FileChange) -> str:
    return shown(os.fsdecode(change.path))
