"""The one place where tools change files: atomically where that is possible, and through the broker where it is not.

Landlock lets the worker itself write in the workspace only. What a person allowed beyond it is written by a program
that the broker starts, as any shell command would.
"""

import errno
import os
import secrets
import stat
from collections.abc import Callable
from pathlib import Path
from weakref import WeakValueDictionary

import trio

from oad.contract.errors import ApiError
from oad.contract.limit_text import describe

from ..exec import Command, ExecFailed
from ..sandbox.explain import is_protected
from .environment import command_environment
from .leave_sandbox import ask_to_leave
from .tool import ToolContext, ToolFailed

_DENIED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
_WRITE = 'mkdir -p -- "$(dirname -- "$1")" && cat > "$1"'
_REMOVE = 'rm -f -- "$1"'
_locks: WeakValueDictionary[str, trio.Lock] = WeakValueDictionary()


def lock(path: Path) -> trio.Lock:
    """Held from reading a file to writing it back, so that calls of one step do not lose each other's changes."""
    key = os.path.realpath(path)
    found = _locks.get(key)
    if found is None:
        found = _locks[key] = trio.Lock()
    return found


async def write_file(context: ToolContext, path: Path, data: bytes, *, outside: bool, mode: int | None = None) -> None:
    """Creates or replaces a file, directories above it included. ``outside``: a person allowed to leave the workspace.
    ``mode`` is for a file that does not exist yet; one that does keeps its own.

    Raises ToolFailed."""
    _refuse_private(context, path)
    await context.keep(path)
    await _announce(context, "file.written", path=str(path), bytes=len(data), outside=outside)
    await _change(context, path, lambda: _replace(path, data, mode), _WRITE, data, outside=outside)


async def remove_file(context: ToolContext, path: Path, *, outside: bool) -> None:
    """Raises ToolFailed."""
    _refuse_private(context, path)
    await context.keep(path)
    await _announce(context, "file.removed", path=str(path), outside=outside)
    await _change(context, path, path.unlink, _REMOVE, b"", outside=outside)


def _refuse_private(context: ToolContext, path: Path) -> None:
    """The service's own files, its audit log among them, under whatever profile and by whatever link."""
    target = Path(os.path.realpath(path))
    scratch = Path(os.path.realpath(context.scratch))
    if target.is_relative_to(scratch):
        return
    if any(target.is_relative_to(os.path.realpath(place)) for place in context.confinement.private):
        raise ToolFailed(f"{path} cannot be changed: it belongs to the service that runs this session.")


async def _announce(context: ToolContext, action: str, **fields: object) -> None:
    try:
        await context.audit.before(action, **fields)
    except ApiError as error:
        raise ToolFailed(f"Nothing was changed: {error.body.get('data', {}).get('message', error.body)}") from error


async def _change(
    context: ToolContext, path: Path, action: Callable[[], None], script: str, stdin: bytes, *, outside: bool
) -> None:
    try:
        await _try_change(context, path, action, script, stdin, outside=outside)
    except ToolFailed as failed:
        await context.audit.after("file.failed", path=str(path), reason=str(failed))
        raise


async def _try_change(
    context: ToolContext, path: Path, action: Callable[[], None], script: str, stdin: bytes, *, outside: bool
) -> None:
    try:
        await trio.to_thread.run_sync(action)
    except OSError as error:
        # Only a permitted way out: inside the workspace a denial may be a symlink swapped in after the check.
        if not outside or error.errno not in _DENIED:
            raise ToolFailed(f"{path} cannot be changed: {error.strerror or error}{_reason(context, path)}") from error
        await _run(context, path, script, stdin)


def _reason(context: ToolContext, path: Path) -> str:
    if is_protected(context.confinement, str(path)):
        return ". The sandbox keeps it read-only, so that nothing is run outside by way of it."
    if context.confinement.profile == "read-only":
        return ". The sandbox of this session is read-only."
    return ""


async def _run(context: ToolContext, path: Path, script: str, stdin: bytes) -> None:
    said = bytearray()

    async def take(chunk: bytes) -> None:
        if len(said) < 4096:
            said.extend(chunk)

    profile = await ask_to_leave(context, f"write {path}", "The file lies outside of the workspace.", [f"write {path}"])
    command = Command(["/bin/sh", "-c", script, "sh", str(path)], "/", command_environment(), stdin, profile=profile)
    try:
        outcome = await context.exec.run(command, on_stdout=take, timeout_s=60)
    except ExecFailed as error:
        raise ToolFailed(f"{path} cannot be changed: {error}") from error
    if outcome.limit is not None:
        raise ToolFailed(f"{path} was not changed: {describe(outcome.limit)}.")
    if outcome.exit != 0:
        reason = said.decode("utf-8", "replace").strip() or f"exit code {outcome.exit}"
        raise ToolFailed(f"{path} cannot be changed: {reason}")


def _replace(path: Path, data: bytes, mode: int | None) -> None:
    target = Path(os.path.realpath(path))  # a symlink stays one, its target is replaced
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        known = target.stat()
    except FileNotFoundError:
        known = None
    # A second name, or an owner that we cannot give to a new file, is lost by renaming: such a file is overwritten.
    if known is not None and (known.st_nlink > 1 or known.st_uid != os.geteuid() or not stat.S_ISREG(known.st_mode)):
        _overwrite(target, data)
        return
    try:
        _rename_over(target, data, mode if known is None else stat.S_IMODE(known.st_mode))
    except OSError as error:
        if known is None or error.errno not in _DENIED:
            raise
        _overwrite(target, data)  # the file may be writable though its directory is not


def _overwrite(target: Path, data: bytes) -> None:
    if not stat.S_ISREG(target.stat().st_mode):
        raise OSError(errno.EINVAL, "not a regular file")
    with target.open("r+b") as file:
        file.write(data)
        file.truncate()


def _rename_over(target: Path, data: bytes, mode: int | None) -> None:
    temporary = target.with_name(f".{target.name[:200]}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
    try:
        with os.fdopen(descriptor, "wb") as file:
            if mode is not None:
                os.fchmod(file.fileno(), mode)
            file.write(data)
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
