"""A client's change of the configuration: which file it belongs into, and that file's new text."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, cast

import msgspec
import structlog

from oad.contract.config_change import ConfigChange
from oad.contract.errors import ApiError, bad_request, named
from oad.contract.permission import Action
from oad.contract.redact import MARK

from .check import find_issues
from .failure import Issue, broken_json
from .jsonc import parse_config, read_config
from .jsonc_edit import CannotEdit, edit_json
from .load import project_folders, sources_above
from .masking import MASK, mask_secrets
from .merge import merge
from .places import Places
from .settings import Config
from .watch import Watch

_log = structlog.get_logger("oad.config")

_SCHEMA: Final = {"$schema": "https://opencode.ai/config.json"}
_KNOWN: Final = frozenset(field.encode_name for field in msgspec.structs.fields(Config))
_NAMES: Final = ("opencode.json", "opencode.jsonc")


def change_project(watch: Watch, places: Places, directory: Path, worktree: Path, body: bytes) -> ConfigChange:
    """In the file of the project that wins over its others, or a new one in the directory. Raises ApiError 400."""
    if watch.flag("OPENCODE_DISABLE_PROJECT_CONFIG"):
        message = "The configuration of projects is not read on this server (OPENCODE_DISABLE_PROJECT_CONFIG)"
        raise named(400, "ConfigReadOnlyError", message=message)
    folders = project_folders(watch, places, directory, worktree)
    files = [folder / name for folder in folders for name in _NAMES]
    patch = _read(body)
    change = _compose(watch, _winner(watch, files) or directory / "opencode.json", places, patch)
    above = {key for source in sources_above(watch, places, directory) for key in source}
    hidden = [key for key in change.keys if key in above]
    answer = msgspec.Raw(msgspec.json.encode(mask_secrets(patch)))
    return msgspec.structs.replace(change, answer=answer, hidden=hidden)


def change_global(watch: Watch, places: Places, body: bytes) -> ConfigChange:
    """In the user's own file. Raises ApiError 400."""
    files = [places.config / name for name in ("config.json", *_NAMES)]
    return _compose(watch, _winner(watch, files) or places.config / "opencode.json", places, _read(body))


def _winner(watch: Watch, files: Sequence[Path]) -> Path | None:
    return next((file for file in reversed(files) if watch.exists(file)), None)


def _read(body: bytes) -> dict[str, Any]:
    """The keys of a request that are configuration; every wrong value is an error, an unknown key is none."""
    try:
        patch = msgspec.json.decode(body or b"{}", type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise bad_request(f"The body is not valid JSON: {error}") from error
    if issues := list(find_issues(Config, patch)):
        raise bad_request("\n".join(map(_told, issues)))
    return {key: value for key, value in patch.items() if key in _KNOWN}


def _told(issue: Issue) -> str:
    place = "".join(f"[{json.dumps(step)}]" for step in issue.path)
    return f"{issue.message}\n  at {place}" if place else issue.message


def _compose(watch: Watch, file: Path, places: Places, patch: dict[str, Any]) -> ConfigChange:
    try:
        content = watch.read(file)
    except OSError as error:
        raise named(400, "ConfigInvalidError", path=str(file), message=str(error)) from error
    before = read_config(watch, file, places.home) or {}  # broken, it is told as everywhere
    wanted = _meant(patch, before)
    seen = "" if content is None else hashlib.sha256(content).hexdigest()
    if not wanted or merge(before, wanted) == before:
        return ConfigChange(file=str(file), seen=seen, text=None)
    text = (content or b"").decode("utf-8-sig")
    after = _edited(watch, file, places, text, wanted) if text.strip() else _fresh(wanted)
    parse_config(watch, after, path=str(file), base=file.parent, home=places.home)
    return ConfigChange(file=str(file), seen=seen, text=after.encode(), keys=sorted(wanted))


def _fresh(wanted: dict[str, Any]) -> str:
    return json.dumps({**_SCHEMA, **wanted}, ensure_ascii=False, indent=2) + "\n"


def _edited(watch: Watch, file: Path, places: Places, text: str, wanted: dict[str, Any]) -> str:
    """Raises ApiError 400 for a text that only a lenient decoder takes for JSON."""

    def read(text: str) -> dict[str, Any]:
        return parse_config(watch, text, path=str(file), base=file.parent, home=places.home)

    try:
        edited = edit_json(text, wanted)
        if read(edited) == merge(read(text), wanted):
            return edited
    except (CannotEdit, ApiError) as error:
        _log.warning("a configuration file can't be edited", file=str(file), error=str(error))
    raise broken_json(str(file), "Its form can't be kept while it is changed: change it by hand", text, 0)


def _meant(patch: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    """What a request means for a file: placeholders of secrets mean what is there, and a rule for one tool beside an
    action for all of them leaves that action in force."""
    meant = cast("dict[str, Any]", _without_masks(patch))
    old, new = before.get("permission"), meant.get("permission")
    if isinstance(old, str) and isinstance(new, dict):
        meant["permission"] = {"*": cast("Action", old), **cast("dict[str, Any]", new)}
    return meant


def _without_masks(value: Any) -> Any:
    """Clients send back what they were shown: what is masked there must not replace a secret."""
    if isinstance(value, dict):
        given = cast("dict[str, Any]", value)
        return {key: _without_masks(item) for key, item in given.items() if not _is_masked(item)}
    return value


def _is_masked(value: object) -> bool:
    if isinstance(value, list):
        return any(map(_is_masked, cast("list[object]", value)))
    return isinstance(value, str) and (value == MASK or f"://{MASK}@" in value or MARK in value)
