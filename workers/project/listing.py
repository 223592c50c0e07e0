"""What is in a directory."""

import os
import posixpath
from typing import Final

from oad.contract.errors import bad_request
from oad.contract.files import EntryType, FileNode, FileSystemEntry

from ..tools.in_thread import in_thread
from .enclosure import Missing, Opened, open_within, shown
from .ignored_names import IgnoredNames

_MAX_ENTRIES: Final = 50_000
Entries = list[tuple[str, EntryType]]


class IsFile(Exception):
    """The path is that of a regular file."""


class Listing:
    """``entries`` are names, directories first; symbolic links and devices are left out: who walks down the tree must
    not come round in a circle, or out of it."""

    def __init__(self, path: str, real: str, entries: Entries) -> None:
        self.path = path
        self.real = real
        self.entries = entries


async def list_nodes(ignored_names: IgnoredNames, root: str, path: str) -> list[FileNode]:
    """Raises IsFile, and ApiError (400) for what else is not a directory within ``root``."""
    listing = await in_thread(read_listing, root, path)
    names = [name + ("/" if type == "directory" else "") for name, type in listing.entries]
    ignored = await ignored_names.among(listing.real, names)
    return [_node(root, listing.path, name, type, name in ignored) for name, type in listing.entries]


async def list_entries(root: str, path: str) -> list[FileSystemEntry]:
    """Raises ApiError (400) for what is not a directory within ``root``."""
    try:
        listing = await in_thread(read_listing, root, path)
    except IsFile:
        raise bad_request(f"Not a directory: {path[:200]}", "Query") from None
    return [
        FileSystemEntry(path=_marked(posixpath.join(listing.path, name), type), type=type)
        for name, type in listing.entries
    ]


def read_listing(root: str, path: str) -> Listing:
    """Raises IsFile and ApiError (400). Blocks."""
    try:
        with open_within(root, path) as opened:
            if opened.is_file:
                raise IsFile(path)
            if not opened.is_directory:
                raise bad_request(f"Not a directory: {path[:200]}", "Query")
            return Listing(opened.path, opened.real, _entries(opened))
    except Missing:
        raise bad_request(f"There is no such directory: {path[:200] or '.'}", "Query") from None


def in_order(name: str) -> tuple[str, str]:
    """How people sort names: without regard to case."""
    return name.casefold(), name


def _entries(opened: Opened) -> Entries:
    directories, files = list[str](), list[str]()
    try:
        # Through /proc, since an O_PATH descriptor cannot be listed itself, and the name may mean another by now.
        with os.scandir(f"/proc/self/fd/{opened.fd}") as found:
            for entry in found:
                if entry.is_dir(follow_symlinks=False):
                    directories.append(entry.name)
                elif entry.is_file(follow_symlinks=False):
                    files.append(entry.name)
                if len(directories) + len(files) > _MAX_ENTRIES:
                    raise bad_request(f"The directory has more than {_MAX_ENTRIES} entries", "Query")
    except OSError as error:
        raise bad_request(f"{error.strerror}: {shown(opened.path)}", "Query") from None
    directories.sort(key=in_order)
    files.sort(key=in_order)
    return [*((name, "directory") for name in directories), *((name, "file") for name in files)]


def _node(root: str, directory: str, name: str, type: EntryType, ignored: bool) -> FileNode:
    path = posixpath.join(directory, name)
    return FileNode(
        name=shown(name),
        path=_marked(path, type),
        absolute=shown(posixpath.join(root, path)),
        type=type,
        ignored=ignored,
    )


def _marked(path: str, type: EntryType) -> str:
    return f"{shown(path)}/" if type == "directory" else shown(path)
