"""Appending to an audit log. Every line is given to the kernel before ``append`` returns, so that the death of this
process loses none; against a loss of power ``sync`` writes them to the disk."""

import contextlib
import os
from pathlib import Path
from typing import Any, Final

import structlog
import trio

from oad.contract.policy import AuditPolicy

from . import files
from .chain import BrokenLine, Link, check_line, forge

_log = structlog.get_logger("oad.audit")
_OPENING: Final = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC


class AuditWriter:
    """The only writer of ``directory``. ``mended`` tells what was wrong with the end of the last file, if anything."""

    def __init__(self, directory: Path, policy: AuditPolicy) -> None:
        self._directory = directory
        self._max_bytes = policy.max_file_mb * 1024 * 1024
        self._keep = policy.keep_files
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._descriptor, self._size = -1, 0
        self._open()
        self.mended = ""
        self.link = self._resume()
        self._synced = self.link.seq

    def append(self, fields: dict[str, Any]) -> int:
        """Returns the line's number. Raises OSError; the file is then as before."""
        if self._size >= self._max_bytes:
            self._rotate()
        line, link = forge(self.link, fields)
        try:
            written = os.write(self._descriptor, line)
            if written < len(line):
                raise OSError(28, "the disk is full")  # ENOSPC, as the rest of the line would have got
        except OSError:
            os.ftruncate(self._descriptor, self._size)
            raise
        self._size += len(line)
        self.link = link
        return link.seq

    async def sync(self) -> None:
        """Returns when all lines appended so far are on the disk. Raises OSError."""
        if self._synced == self.link.seq:
            return
        reached = self.link.seq
        descriptor = os.dup(self._descriptor)  # rotation may close the file meanwhile, and syncs it before
        try:
            await trio.to_thread.run_sync(os.fdatasync, descriptor)
        finally:
            os.close(descriptor)
        self._synced = max(self._synced, reached)

    def close(self) -> None:
        """With all lines on the disk, if that is possible."""
        with contextlib.suppress(OSError):
            os.fdatasync(self._descriptor)
        os.close(self._descriptor)

    def _open(self) -> None:
        opened = os.open(self._directory / files.CURRENT, _OPENING, 0o600)
        os.fchmod(opened, 0o600)
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor, self._size = opened, os.fstat(opened).st_size

    def _resume(self) -> Link:
        line, end = files.last_line(self._descriptor)
        if end < self._size:
            self.mended = f"{self._size - end} bytes of a torn last line were removed"
            os.ftruncate(self._descriptor, end)
            self._size = end
        if not line:
            full = files.files_of(self._directory)[:-1]
            return _end_of(full[-1]) if full else Link()
        try:
            return check_line(line)[1]
        except BrokenLine as error:
            return self._set_aside(str(error))

    def _set_aside(self, reason: str) -> Link:
        """The chain was broken by somebody: what is left of it stays for inspection, and verify goes on to name it."""
        _log.error("the audit log was changed from outside", reason=reason)
        self.mended = f"the last line {reason}"
        first = files.first_seq(self._directory / files.CURRENT)
        (self._directory / files.CURRENT).rename(self._directory / files.name_of_full(first))
        self._open()
        return Link(first)

    def _rotate(self) -> None:
        os.fdatasync(self._descriptor)
        first = files.first_seq(self._directory / files.CURRENT)
        (self._directory / files.CURRENT).rename(self._directory / files.name_of_full(first))
        self._open()
        for old in files.files_of(self._directory)[: -self._keep]:
            old.unlink()


def _end_of(file: Path) -> Link:
    """Where a full file leaves the chain: the server ended between renaming it and the first line of the next."""
    descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return check_line(files.last_line(descriptor)[0])[1]
    except BrokenLine:
        return Link()
    finally:
        os.close(descriptor)
