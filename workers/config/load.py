"""All configuration that applies to a directory, merged in the order in which the reference does it."""

import getpass
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final, cast

import msgspec

from .check import find_issues
from .failure import Issue, invalid
from .ignored import find_ignored, find_programs
from .jsonc import parse_config, read_config
from .markdown import Document, read_documents
from .merge import merge, merge_configs, widen_permissions
from .places import Places, levels
from .rules import tools_as_permission
from .settings import AgentSection, CommandSection, Config
from .watch import Watch

Raw = dict[str, Any]
_NAMES: Final = ("opencode.json", "opencode.jsonc")


class Source(msgspec.Struct, frozen=True):
    """One place: a file or a variable, and how it is read. None: nothing is there. Raises as ``load_config``."""

    name: str
    read: Callable[[], Raw | None]


class Loaded(msgspec.Struct, frozen=True):
    raw: Raw
    config: Config
    problems: list[str]  # what was left out, and why


def load_config(watch: Watch, places: Places, directory: Path, worktree: Path) -> Loaded:
    """Raises ApiError ConfigJsonError or ConfigInvalidError."""
    problems: list[str] = []
    raw: Raw = {}
    for source in find_sources(watch, places, directory, worktree, problems):
        raw = merge_configs(raw, widen_permissions(source.read() or {}))
    raw = _modernise(_with_flags(watch, raw))
    problems += find_ignored(raw)
    for folder in config_directories(watch, places, directory, worktree):
        problems += find_programs(watch, folder)
    return Loaded(raw=raw, config=msgspec.convert(_without_nulls(raw), Config), problems=problems)


def load_global(watch: Watch, places: Places) -> Raw:
    """The user's own configuration alone."""
    raw: Raw = {}
    for source in _users_own(watch, places):
        raw = merge_configs(raw, widen_permissions(source.read() or {}))
    return raw


def _users_own(watch: Watch, places: Places) -> Iterator[Source]:
    return _files(watch, places.config, ("config.json", "opencode.json", "opencode.jsonc"), places.home)


def config_directories(watch: Watch, places: Places, directory: Path, worktree: Path) -> list[Path]:
    """The directories that may hold agents, commands and skills; later ones win."""
    found = [places.config]
    if not watch.flag("OPENCODE_DISABLE_PROJECT_CONFIG"):
        found += [level / ".opencode" for level in levels(directory, worktree)]
    found.append(places.home / ".opencode")
    found += _extra_folder(watch, directory)
    return list(dict.fromkeys(found))


def project_folders(watch: Watch, places: Places, directory: Path, worktree: Path) -> list[Path]:
    """Where files of the project itself may lie, in the order of ``find_sources``: later ones win."""
    upwards = levels(directory, worktree)
    inner = [
        level / ".opencode" for level in upwards if level != places.home
    ]  # there it is the user's, not a project's
    return [*reversed(upwards), *inner]


def sources_above(watch: Watch, places: Places, directory: Path) -> Iterator[Raw]:
    """What wins over every file of a project."""
    for folder in (places.home / ".opencode", *_extra_folder(watch, directory)):
        yield from _read(_files(watch, folder, _NAMES, places.home))
    yield from _read(_last(watch, places, directory))


def _read(sources: Iterator[Source]) -> Iterator[Raw]:
    for source in sources:
        if config := source.read():
            yield config


def _extra_folder(watch: Watch, directory: Path) -> list[Path]:
    extra = watch.variable("OPENCODE_CONFIG_DIR")
    return [directory / extra] if extra else []


def find_sources(
    watch: Watch, places: Places, directory: Path, worktree: Path, problems: list[str]
) -> Iterator[Source]:
    """Everything that says something, whatever is wrong with it; later ones win."""
    yield from _users_own(watch, places)
    if extra := watch.variable("OPENCODE_CONFIG"):
        yield Source(str(directory / extra), partial(_required_file, watch, directory / extra, places.home))
    if not watch.flag("OPENCODE_DISABLE_PROJECT_CONFIG"):
        for level in reversed(levels(directory, worktree)):
            yield from _files(watch, level, _NAMES, places.home)
    for folder in config_directories(watch, places, directory, worktree):
        if folder != places.config:
            yield from _files(watch, folder, _NAMES, places.home)
        yield from _documents(watch, folder, problems)
    yield from _last(watch, places, directory)
    if text := watch.variable("OPENCODE_PERMISSION"):
        whole = f'{{"permission": {text}\n}}'
        yield _variable(watch, "OPENCODE_PERMISSION", whole, places.home, places)


def _last(watch: Watch, places: Places, directory: Path) -> Iterator[Source]:
    if inline := watch.variable("OPENCODE_CONFIG_CONTENT"):
        yield _variable(watch, "OPENCODE_CONFIG_CONTENT", inline, directory, places)
    yield from _files(watch, places.managed, _NAMES, places.home)


def _variable(watch: Watch, name: str, text: str, base: Path, places: Places) -> Source:
    return Source(name, partial(parse_config, watch, text, path=name, base=base, home=places.home))


def _files(watch: Watch, folder: Path, names: tuple[str, ...], home: Path) -> Iterator[Source]:
    for name in names:
        yield Source(str(folder / name), partial(read_config, watch, folder / name, home))


def _required_file(watch: Watch, path: Path, home: Path) -> Raw:
    config = read_config(watch, path, home)
    if config is None:
        raise invalid(str(path), [Issue("The file named by OPENCODE_CONFIG does not exist")])
    return config


def _documents(watch: Watch, folder: Path, problems: list[str]) -> Iterator[Source]:
    readings: tuple[tuple[str, str, Callable[[Document], Raw]], ...] = (
        ("agent", "agent", _agent),
        ("agents", "agent", _agent),
        ("mode", "agent", _mode),
        ("modes", "agent", _mode),
        ("command", "command", _command),
        ("commands", "command", _command),
    )
    for name, section, convert in readings:
        for document in read_documents(watch, folder / name, problems):
            yield Source(document.path, partial(_entry, document, section, convert))


def _entry(document: Document, section: str, convert: Callable[[Document], Raw]) -> Raw:
    entry = convert(document)
    kind = AgentSection if section == "agent" else CommandSection
    if issues := list(find_issues(kind, entry)):
        raise invalid(document.path, issues)
    return {section: {document.name: entry}}


def _agent(document: Document) -> Raw:
    return {**(document.meta or {}), "prompt": document.body.strip()}


def _mode(document: Document) -> Raw:
    return {**_agent(document), "mode": "primary"}


def _command(document: Document) -> Raw:
    return {**(document.meta or {}), "template": document.body.strip()}


def _with_flags(watch: Watch, raw: Raw) -> Raw:
    if watch.flag("OPENCODE_DISABLE_AUTOCOMPACT"):
        raw = merge(raw, {"compaction": {"auto": False}})
    if watch.flag("OPENCODE_DISABLE_PRUNE"):
        raw = merge(raw, {"compaction": {"prune": False}})
    if watch.flag("OPENCODE_DISABLE_SHARE"):
        raw = merge(raw, {"share": "disabled"})
    return raw


def _modernise(raw: Raw) -> Raw:
    """Old spellings become new ones; an explicit permission wins over the old map of tools."""
    result: Raw = {"username": _username(), "command": {}, "plugin": [], **raw}
    if tools := raw.get("tools"):
        result["permission"] = merge(tools_as_permission(tools), raw.get("permission") or {})
    old: dict[str, Raw] = raw.get("mode") or {}
    modes = {name: {**mode, "mode": "primary"} for name, mode in old.items()}
    result["mode"] = old
    result["agent"] = merge(raw.get("agent") or {}, modes)
    if "reference" in raw:
        result["references"] = merge(raw["reference"] or {}, raw.get("references") or {})
    if raw.get("autoshare") and not raw.get("share"):
        result["share"] = "auto"
    return result


def _username() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "user"  # a service account without an entry in the user database


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        given = cast("Raw", value)
        return {key: _without_nulls(item) for key, item in given.items() if item is not None}
    return value
