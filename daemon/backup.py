"""A data directory in one file: made while a server writes to it, checked before it gets its name.

A tar with a manifest in front, which names every file with its size and SHA-256. What is in it are the sessions and, if
asked for, the keys; neither the files of projects nor what can be made anew, such as snapshots and working space.
"""

import contextlib
import datetime as dt
import hashlib
import io
import os
import shutil
import sqlite3
import tarfile
import tempfile
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import IO, Final

import msgspec

from oad import __version__

from .migration import check_version, copy_store, sync_directory
from .schema import connect

MANIFEST: Final = "manifest.json"
STORE: Final = "oad.db"
SECRETS: Final = ("auth.json", "mcp-auth.json", "credential")
SETTINGS: Final = "settings/"
_FORMAT: Final = 1
_BLOCK: Final = 1 << 20
_COMPRESSION: Final = 3  # of gzip: four times as fast as its best, and hardly larger for JSON


class BackupFailed(Exception):
    """Nothing was written, or it was removed again; the text says why."""


class Entry(msgspec.Struct, frozen=True):
    name: str
    size: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True):
    """``schema`` is the store's version, ``made`` an ISO time."""

    format: int
    oad: str
    schema: int
    made: str
    files: tuple[Entry, ...]


def make_backup(data: Path, target: Path, *, secrets: bool, settings: Sequence[Path], replace: bool) -> Manifest:
    """Writes ``target``, 0600, whole or not at all. Blocks. Raises BackupFailed, SchemaTooNew."""
    with explained(f"can't write {target}", BackupFailed):
        if target.exists() and not replace:
            raise BackupFailed(f"{target} exists; --force replaces it")
        if not (data / STORE).exists():
            raise BackupFailed(f"there is no store in {data}")
        staging = Path(tempfile.mkdtemp(prefix=".oad-backup-", dir=target.parent))
        try:
            files = _gather(data, staging, secrets=secrets, settings=settings)
            manifest = _describe(files, _copy_store(data / STORE, staging / STORE))
            _pack(staging / "archive", manifest, files)
            with opened_backup(staging / "archive") as (found, archive):
                for _ in verified(found, archive, None):
                    pass
            (staging / "archive").replace(target)
            sync_directory(target.parent)
            return manifest
        finally:
            shutil.rmtree(staging, ignore_errors=True)


@contextlib.contextmanager
def explained(what: str, failure: type[Exception]) -> Generator[None]:
    """System errors in words."""
    try:
        yield
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        raise failure(f"{what}: {error.strerror or error}{where}") from error
    except (sqlite3.Error, tarfile.TarError, EOFError) as error:
        raise failure(f"{what}: {error}") from error


def _gather(data: Path, staging: Path, *, secrets: bool, settings: Sequence[Path]) -> dict[str, Path]:
    """Name in the backup -> file. What the server replaces meanwhile is read once."""
    found = {STORE: staging / STORE}
    named = {name: data / name for name in SECRETS} if secrets else {}
    named |= {SETTINGS + file.name: file for file in settings}
    for number, (name, file) in enumerate(named.items()):
        if file.exists():
            found[name] = staging / f"file-{number}"
            shutil.copyfile(file, found[name])
    return found


def _copy_store(source: Path, target: Path) -> int:
    """Returns its version."""
    with contextlib.closing(connect(source, readonly=True)) as connection:
        version = check_version(connection, source)
        copy_store(connection, target)
    return version


def _describe(files: dict[str, Path], version: int) -> Manifest:
    entries = tuple(Entry(name, file.stat().st_size, _hash(file)) for name, file in files.items())
    return Manifest(_FORMAT, __version__, version, dt.datetime.now(dt.UTC).isoformat(), entries)


def _hash(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _pack(target: Path, manifest: Manifest, files: dict[str, Path]) -> None:
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as raw:
        with tarfile.open(fileobj=raw, mode="w:gz", compresslevel=_COMPRESSION) as archive:
            text = msgspec.json.format(msgspec.json.encode(manifest))
            archive.addfile(_member(MANIFEST, len(text)), io.BytesIO(text))
            for entry in manifest.files:
                with files[entry.name].open("rb") as file:
                    archive.addfile(_member(entry.name, entry.size), file)
        raw.flush()
        os.fsync(raw.fileno())


def _member(name: str, size: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size, member.mode = size, 0o600
    return member


# --- reading --------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def opened_backup(file: Path) -> Generator[tuple[Manifest, tarfile.TarFile]]:
    """Raises BackupFailed for what is no backup of ours, OSError, tarfile.TarError."""
    with tarfile.open(file, mode="r|*") as archive:
        first = archive.next()
        content = archive.extractfile(first) if first is not None and first.isfile() else None
        if first is None or first.name != MANIFEST or first.size > _BLOCK or content is None:
            raise BackupFailed(f"{file} is no backup of oad: it does not begin with a manifest")
        try:
            manifest = msgspec.json.decode(content.read(), type=Manifest)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise BackupFailed(f"{file} is no backup of oad: {error}") from error
        if manifest.format != _FORMAT:
            raise BackupFailed(f"{file} has format {manifest.format}, this oad knows {_FORMAT}: use a newer oad")
        yield manifest, archive


def verified(manifest: Manifest, archive: tarfile.TarFile, into: Path | None) -> Generator[Path]:
    """Compares each file with the manifest, and writes it into the directory, if given. Raises BackupFailed, OSError,
    tarfile.TarError."""
    expected = {entry.name: entry for entry in manifest.files}
    if STORE not in expected or len(expected) != len(manifest.files):
        raise BackupFailed("the manifest is not whole")
    while (member := archive.next()) is not None:
        entry = expected.pop(member.name, None)
        source = archive.extractfile(member) if member.isfile() else None
        if entry is None or source is None or not _is_known(entry.name):
            raise BackupFailed(f"the backup has {member.name!r}, which does not belong there")
        target = into / entry.name.replace("/", "-") if into is not None else Path(os.devnull)
        with target.open("xb" if into is not None else "wb") as written:
            if member.size != entry.size or _copy(source, written) != entry.sha256:
                raise BackupFailed(f"{entry.name} in the backup is damaged: it is not what the manifest says")
            if into is not None:
                written.flush()
                os.fsync(written.fileno())
        yield target
    if expected:
        raise BackupFailed(f"the backup is not whole: {', '.join(sorted(expected))} is missing")


def _is_known(name: str) -> bool:
    return name == STORE or name in SECRETS or (name.startswith(SETTINGS) and "/" not in name[len(SETTINGS) :])


def _copy(source: IO[bytes], target: IO[bytes]) -> str:
    digest = hashlib.sha256()
    while block := source.read(_BLOCK):
        digest.update(block)
        target.write(block)
    return digest.hexdigest()
