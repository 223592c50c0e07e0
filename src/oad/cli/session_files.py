"""``oad export`` and ``oad import``: sessions as files. The running server reads and writes them."""

import os
import re
import sys
from pathlib import Path
from typing import Final

import msgspec

from oad.client import Client, Failure
from oad.client.operation import export_session as exporting
from oad.client.operation import import_sessions as importing
from oad.contract.session_file import ImportedSession

from .exit_status import FAILED, OK, USAGE
from .inspect_server import with_client
from .target_options import TargetOptions

_FORMATS: Final = ("json", "markdown")
_STDIN: Final = "-"
_BAD_REQUEST: Final = 400
_PLACE: Final = re.compile(r"\n  at \[(\d+)\]")


class ExportOptions(msgspec.Struct, frozen=True):
    session: str
    format: str = "json"
    output: Path | None = None
    children: bool = False


class ImportOptions(msgspec.Struct, frozen=True):
    files: tuple[str, ...]
    directory: str | None = None
    replace: bool = False
    keep: bool = False


class _NotRead(Exception):
    """A file that can't be read or is no JSON."""


def export_session(target: TargetOptions, options: ExportOptions) -> int:
    if options.format not in _FORMATS:
        print(f"oad: --format is one of {', '.join(_FORMATS)}", file=sys.stderr)
        return USAGE
    return with_client(target, lambda client: _export(client, options))


def _export(client: Client, options: ExportOptions) -> int:
    query = {"format": options.format, "children": "true" if options.children else "false"}
    body = client.send(exporting(options.session, query))
    if options.format == "json":
        body = msgspec.json.format(body, indent=2) + b"\n"
    if options.output is None:
        sys.stdout.buffer.write(body)
        sys.stdout.flush()
        return OK
    try:
        _write_whole(options.output, body)
    except OSError as error:
        print(f"oad: {options.output}: {error.strerror}", file=sys.stderr)
        return FAILED
    return OK


def _write_whole(file: Path, body: bytes) -> None:
    """All of it or nothing; what was said to a model is not for everybody to read."""
    unfinished = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(body)
        unfinished.replace(file)
    finally:
        unfinished.unlink(missing_ok=True)


def import_sessions(target: TargetOptions, options: ImportOptions) -> int:
    if options.replace and options.keep:
        print("oad: --replace and --keep exclude each other", file=sys.stderr)
        return USAGE
    try:
        documents = [_read(name) for name in options.files]
    except _NotRead as error:
        print(f"oad: {error}", file=sys.stderr)
        return FAILED
    here = str(Path.cwd()) if target.url is None else None  # another host may not have this directory
    return with_client(target, lambda client: _import(client, options, documents), options.directory or here)


def _read(name: str) -> bytes:
    """Raises _NotRead."""
    try:
        body = sys.stdin.buffer.read() if name == _STDIN else Path(name).read_bytes()
        msgspec.json.decode(body, type=msgspec.Raw)
    except OSError as error:
        raise _NotRead(f"{name}: {error.strerror}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _NotRead(f"{name}: it is not JSON: {error}") from None
    return body


def _import(client: Client, options: ImportOptions, documents: list[bytes]) -> int:
    existing = "replace" if options.replace else "keep" if options.keep else "new"
    body = documents[0] if len(documents) == 1 else b"[" + b",".join(documents) + b"]"
    try:
        report = client.send(importing(body, {"existing": existing}))
    except Failure as error:
        if error.status != _BAD_REQUEST:
            raise
        print(f"oad: {_located(str(error), options.files)}", file=sys.stderr)
        return FAILED
    for session in report.sessions:
        print(_told(session))
    return OK


def _told(session: ImportedSession) -> str:
    source = "" if session.id == session.source else f"  (in the file {session.source})"
    return f"{session.id}  {session.outcome}  {session.messages} messages{source}"


def _located(message: str, files: tuple[str, ...]) -> str:
    """With the name of the file that the server knows by its number only."""
    if len(files) == 1:
        return f"{files[0]}: {message}"
    found = _PLACE.search(message)
    name = files[int(found[1])] if found is not None and int(found[1]) < len(files) else ""
    return f"{name}: {message}" if name else message
