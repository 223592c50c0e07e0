"""One configuration file: JSON with comments, variables and other files put in, checked."""

import json
import re
from pathlib import Path
from typing import Any, cast

import msgspec
import pyjson5

from oad.contract.errors import ApiError

from .check import find_issues
from .failure import Issue, broken_json, invalid
from .places import expand_home
from .settings import Config
from .watch import Watch

_REFERENCE = re.compile(r"\{(env|file):([^{}\n]*)\}")
_MAX_DEPTH = 64


def parse_config(watch: Watch, text: str, *, path: str, base: Path, home: Path) -> dict[str, Any]:
    """The configuration in a text. ``path`` names it in errors, ``base`` is where its relative references start.

    Raises ApiError ConfigJsonError or ConfigInvalidError."""
    complete = _substitute(watch, text, path=path, base=base, home=home)
    value = _decode(complete, path)
    if not isinstance(value, dict):
        raise invalid(path, [Issue("Expected object at the top")])
    config = cast("dict[str, Any]", value)
    _require_encodable(config, path)
    if issues := list(find_issues(Config, config)):
        raise invalid(path, issues)
    return config


def read_config(watch: Watch, path: Path, home: Path) -> dict[str, Any] | None:
    """The configuration in a file; None where there is no file. Raises as ``parse_config``."""
    try:
        content = watch.read(path)
    except OSError as error:
        raise invalid(str(path), [Issue(f"Cannot be read: {error.strerror or error}")]) from error
    if content is None:
        return None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        readable = content[: error.start].decode()
        raise broken_json(str(path), "Not UTF-8", readable, len(readable)) from error
    if not text.strip():
        return {}
    return parse_config(watch, text, path=str(path), base=path.parent, home=home)


def _substitute(watch: Watch, text: str, *, path: str, base: Path, home: Path) -> str:
    def replacement(match: re.Match[str]) -> str:
        kind, argument = match[1], match[2].strip()
        line_start = text.rfind("\n", 0, match.start()) + 1
        if text[line_start : match.start()].lstrip().startswith("//"):
            return match[0]  # in a comment
        if kind == "env":
            value = watch.variable(argument)
        else:
            value = _referenced_file(watch, argument, match[0], path=path, base=base, home=home)
        return json.dumps(value, ensure_ascii=False)[1:-1]  # it stands inside a JSON string

    return _REFERENCE.sub(replacement, text)


def _referenced_file(watch: Watch, name: str, reference: str, *, path: str, base: Path, home: Path) -> str:
    target = base / expand_home(name, home)
    try:
        content = watch.read(target)
    except (OSError, ValueError) as error:
        raise invalid(path, [Issue(f"Bad file reference {reference}: {target} cannot be read")]) from error
    if content is None:
        raise invalid(path, [Issue(f"Bad file reference {reference}: {target} does not exist")])
    return content.decode("utf-8", errors="replace").strip()


def _decode(text: str, path: str) -> object:
    try:
        return pyjson5.decode(text, maxdepth=_MAX_DEPTH)
    except pyjson5.Json5DecoderException as error:
        raise _broken(str(error.args[0]), text, path) from error


def _broken(reason: str, text: str, path: str) -> ApiError:
    # The decoder's words: "Expected b'comma' or U+007d near 13, found U+0022"; positions count from 1.
    position = re.search(r" near (\d+)", reason)
    offset = max(int(position[1]) - 1, 0) if position else 0
    readable = re.sub(r"b'(\w+)'", r"\1", reason.replace(position[0], "") if position else reason)
    readable = re.sub(r"U\+([0-9a-fA-F]{4,6})", lambda code: repr(chr(int(code[1], 16))), readable)
    return broken_json(path, readable, text, min(offset, len(text)))


def _require_encodable(config: dict[str, Any], path: str) -> None:
    """A variable of the environment need not be text; what it leaves behind would fail in an answer."""
    try:
        msgspec.json.encode(config)
    except UnicodeEncodeError as error:
        raise invalid(path, [Issue("Holds text that JSON cannot carry")]) from error
