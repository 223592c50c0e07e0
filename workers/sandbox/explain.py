"""Telling the sandbox's refusals from a command's own failures, for the model: it would otherwise look for a defect."""

import functools
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from oad.contract.sandbox import Confinement

_READ_ONLY: Final = re.compile(r"read-only file ?system|\bEROFS\b|os error 30\b", re.IGNORECASE)
_PRIVILEGED: Final = re.compile(
    r"operation not permitted|\bEPERM\b|os error 1\b|must be root|no new privileges", re.IGNORECASE
)
_PROTECTED: Final = re.compile(r"(\.git/(hooks|config)|\.opencode/|opencode\.jsonc?)[^\n]*", re.IGNORECASE)
_BUSY: Final = re.compile(r"device or resource busy|\bEBUSY\b|could not (write|lock) config file", re.IGNORECASE)
_SOCKETS: Final = re.compile(
    r"docker(\.sock| daemon)|/run/\S+|\bsystem_bus_socket\b|system has not been booted", re.IGNORECASE
)


def sandbox_notes(confinement: Confinement, command: str, output: str) -> list[str]:
    """Nothing for a command that the sandbox did not hinder, as far as its words tell."""
    if confinement.level == "none" or confinement.profile == "full":
        return []
    notes = list(_reasons(confinement, command, output))
    if notes and confinement.ceiling == "full":
        notes.append(
            "If the task can't be done inside the sandbox, run the command again with escalate: true and a "
            "justification; a person is asked."
        )
    return notes


def is_hidden(confinement: Confinement, path: str) -> bool:
    """Whether the sandbox keeps a place from the session's tools; links are followed."""
    if confinement.level == "none":
        return False
    target = os.path.realpath(path)
    rules = [(place, True) for place in confinement.private]
    rules += [(place, False) for place in (confinement.scratch, *confinement.writable)]
    if confinement.profile != "full":
        rules += [(place, True) for place in confinement.hidden]
        rules += [(place, False) for place in confinement.exposed]
    resolve = resolver()
    around = [(len(real), hides) for place, hides in rules if _is_below(target, real := resolve(place))]
    return max(around)[1] if around else False


def is_protected(confinement: Confinement, path: str) -> bool:
    """Whether a place is read-only although it lies in the workspace."""
    if confinement.level == "none" or confinement.profile == "full":
        return False
    target, resolve = os.path.realpath(path), resolver()
    return any(_is_below(target, resolve(place)) for place in confinement.protected)


def resolver() -> Callable[[str], str]:
    """As ``os.path.realpath`` for absolute paths, for a moment in which nothing changes: what they have in common is
    looked at once. The dozens of places of a sandbox lie below few directories, and each call of a tool asks."""

    @functools.cache
    def resolve(path: str) -> str:
        parent, name = os.path.split(path)
        if parent == path or name in ("", ".", ".."):
            return os.path.realpath(path)
        whole = f"{resolve(parent).rstrip('/')}/{name}"
        return os.path.realpath(whole) if os.path.islink(whole) else whole  # noqa: PTH114  a Path costs as much again

    return resolve


def _reasons(confinement: Confinement, command: str, output: str) -> Iterator[str]:
    named = f"The sandbox (profile {confinement.profile}) was the reason, not the command:"
    protected = _PROTECTED.search(output)
    if (_READ_ONLY.search(output) or _BUSY.search(output)) and protected:
        yield f"{named} {protected.group(1)} is read-only in it, so that nothing is run outside by way of it."
    elif _READ_ONLY.search(output):
        yield f"{named} only these can be written to: {_writable(confinement)}."
    if _PRIVILEGED.search(output):
        yield (
            "The sandbox may be the reason: commands in it have no privileges, can't trace other processes, make "
            "devices, setuid files, namespaces or mounts, or change what lies outside the workspace."
        )
    hidden = _mentioned(confinement, f"{command}\n{output}")
    if hidden:
        yield f"The sandbox hides {', '.join(hidden)}: to the command it looks empty."
    if _SOCKETS.search(output):
        yield "The sandbox hides /run and its sockets: services of the host can't be reached by them."


def _writable(confinement: Confinement) -> str:
    places = confinement.writable if confinement.profile == "workspace" else ()
    return ", ".join((*places, "/tmp"))  # noqa: S108


def _mentioned(confinement: Confinement, text: str) -> list[str]:
    shown = [(place, _short(place, confinement.home)) for place in confinement.hidden]
    return [short for place, short in shown if _stands_in(place, text) or _stands_below_home(short, text)]


def _short(place: str, home: str) -> str:
    return f"~/{Path(place).relative_to(home)}" if home and _is_below(place, home) else place


def _stands_below_home(short: str, text: str) -> bool:
    return short.startswith("~/") and any(_stands_in(head + short[1:], text) for head in ("~", "$HOME", "${HOME}"))


def _stands_in(path: str, text: str) -> bool:
    """As a path of its own, or the beginning of one; not in the middle of a longer name."""
    return re.search(rf"(?<![\w./-]){re.escape(path)}(?![\w.-])", text) is not None


def _is_below(path: str, place: str) -> bool:
    return path == place or path.startswith(place.rstrip("/") + "/")
