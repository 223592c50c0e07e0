"""Markdown files with YAML front matter: agents, commands, skills."""

import json
import os
import re
from pathlib import Path
from typing import Any, cast

import msgspec
import yaml

from .watch import Watch

_FRONT_MATTER = re.compile(r"\A---[ \t]*\r?\n(.*?)^---[ \t]*(?:\r?\n|\Z)(.*)\Z", re.DOTALL | re.MULTILINE)
_PLAIN_PAIR = re.compile(r"^([\w-]+):[ \t]+([^\s\"'\[{|>&*!#].*:.*)$", re.MULTILINE)
_MAX_NESTING = 32
_MAX_FILES = 500
_MAX_FOLDERS = 8


class Document(msgspec.Struct, frozen=True):
    """``meta`` is None where there is no front matter."""

    path: str
    name: str  # path below the scanned folder, without .md
    meta: dict[str, Any] | None
    body: str


class FrontMatterError(Exception):
    """The front matter is not a YAML map that JSON could carry."""


def split_front_matter(text: str) -> tuple[dict[str, Any] | None, str]:
    """Raises FrontMatterError."""
    match = _FRONT_MATTER.match(text)
    if match is None:
        return None, text
    try:
        return _parse_yaml(match[1]), match[2]
    except FrontMatterError:
        # Descriptions with a colon in them are often written without quotes, which is not YAML.
        return _parse_yaml(_PLAIN_PAIR.sub(lambda pair: f"{pair[1]}: {json.dumps(pair[2])}", match[1])), match[2]


def _parse_yaml(text: str) -> dict[str, Any]:
    try:
        _require_harmless(text)
        value = yaml.load(text, Loader=yaml.CSafeLoader)
        data = msgspec.to_builtins({} if value is None else value, str_keys=True)
        msgspec.json.encode(data)
    except (yaml.YAMLError, TypeError, ValueError, OverflowError) as error:
        raise FrontMatterError(str(error)) from error
    if not isinstance(data, dict):
        raise FrontMatterError("not a map")
    return cast("dict[str, Any]", data)


def _require_harmless(text: str) -> None:
    """Aliases can make a few lines grow without bound, deep nesting overruns the stack of the composer."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        if isinstance(event, yaml.AliasEvent):
            raise FrontMatterError("aliases are not supported")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > _MAX_NESTING:
            raise FrontMatterError("nested too deeply")


def find_files(watch: Watch, folder: Path, suffix: str) -> list[Path]:
    """Files below a folder whose name ends so, sorted; links are followed, each folder is visited once."""
    found: list[Path] = []
    seen: set[str] = set()
    pending = [(folder, 0)]
    while pending and len(found) < _MAX_FILES:
        current, depth = pending.pop(0)
        real = os.path.realpath(current)
        if real in seen or depth > _MAX_FOLDERS:
            continue
        seen.add(real)
        for name in watch.names(current):
            if name.endswith(suffix):
                found.append(current / name)
            elif (current / name).is_dir():
                pending.append((current / name, depth + 1))
    return sorted(found)


def read_documents(watch: Watch, folder: Path, problems: list[str]) -> list[Document]:
    """The Markdown files below a folder; those that cannot be used are left out, and told in ``problems``."""
    documents: list[Document] = []
    for path in find_files(watch, folder, ".md"):
        name = str(path.relative_to(folder))[: -len(".md")]
        if document := read_document(watch, path, name, problems):
            documents.append(document)
    return documents


def read_document(watch: Watch, path: Path, name: str, problems: list[str]) -> Document | None:
    try:
        content = watch.read(path)
        if content is None:
            return None
        meta, body = split_front_matter(content.decode("utf-8-sig", errors="replace"))
    except (OSError, FrontMatterError) as error:
        problems.append(f"{path}: {error}")
        return None
    return Document(path=str(path), name=name, meta=meta, body=body)
