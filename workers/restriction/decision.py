"""Whether a client may run a command directly: the built-in refusals, and the operator's list of what is allowed."""

import os.path
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from itertools import pairwise
from pathlib import Path
from typing import Final

import msgspec

from oad.contract.policy import ShellPolicy

from ..config.shell_split import split
from ..config.shell_syntax import MAX_BYTES, SimpleCommand, parse_script
from . import rules

_STARTERS: Final = frozenset(
    {"env", "nohup", "nice", "time", "timeout", "setsid", "stdbuf", "command", "exec", "builtin", "xargs", "ionice"}
    | {"busybox", "chronic", "unbuffer", "eatmydata", "watch", "sudo", "doas"}
)
_SHELLS: Final = frozenset({"sh", "bash", "dash", "zsh", "ksh", "ash"})
_NESTING: Final = 5
_SKIPPED: Final = re.compile(r"-.*|[A-Za-z_]\w*=.*|[0-9.]+[smhd]?", re.DOTALL)
_PIPED: Final = re.compile(rb"[^;&\n]*\|[^;&\n]*")
_SUBSTITUTED: Final = re.compile(r"[<$]\(|`")


class Decision(msgspec.Struct, frozen=True):
    """``rule`` is empty when the command may run."""

    rule: str = ""

    @property
    def message(self) -> str:
        return f"This command is restricted ({self.rule}): {rules.EXPLANATIONS[self.rule]}"


def decide(command: str, directory: str, policy: ShellPolicy) -> Decision:
    if policy.restricted and (rule := _find_rule(command, directory)):
        return Decision(rule)
    if policy.allow is not None and not _is_allowed(command, policy.allow):
        return Decision("not-allowed")
    return Decision()


def _is_allowed(command: str, patterns: tuple[str, ...]) -> bool:
    """Every part must be, whatever it is hidden behind; what can't be taken apart is asked for as a whole."""
    parts = split(command)
    return bool(parts) and all(any(fnmatchcase(part.text, pattern) for pattern in patterns) for part in parts)


def _find_rule(command: str, directory: str) -> str:
    if len(command) > MAX_BYTES:
        return "not-understood"
    for name, pattern in rules.TEXTS.items():
        if pattern.search(command):
            return name
    script = parse_script(command)
    if not script.complete and not script.commands:
        return "not-understood" if command.strip() else ""
    if _pipes_download(script.commands, command):
        return "remote-code"
    found = (_rule_of(words, each, directory) for each in script.commands for words in _disguises(each, _NESTING))
    nested = (_find_rule(inner, directory) for each in script.commands for inner in _inner_scripts(each))
    return next((rule for rule in found if rule), "") or next((rule for rule in nested if rule), "")


def _disguises(command: SimpleCommand, nesting: int) -> Iterator[list[str]]:
    words = [word.value for word in command.words]
    while words and nesting:
        words = [os.path.basename(words[0]), *words[1:]]  # noqa: PTH119  a name, not a path
        yield words
        if words[0] not in _STARTERS:
            return
        words = _behind_options(words[1:])
        nesting -= 1


def _behind_options(words: list[str]) -> list[str]:
    return next((words[at:] for at, word in enumerate(words) if not _SKIPPED.fullmatch(word)), list[str]())


def _inner_scripts(command: SimpleCommand) -> Iterator[str]:
    for words in _disguises(command, _NESTING):
        if words[0] == "eval":
            yield " ".join(words[1:])
        elif words[0] in _SHELLS:
            for option, script in pairwise(words[1:]):
                if re.fullmatch(r"-[a-zA-Z]*c", option):
                    yield script
                    break


def _rule_of(words: list[str], command: SimpleCommand, directory: str) -> str:
    name, arguments = words[0], words[1:]
    if rule := rules.PROGRAMS.get(name) or rules.PROGRAMS_EXACT.get(name):
        # Naming them to ask what they are harms nobody.
        return "" if arguments in (["--version"], ["--help"]) else rule
    if rule := next((rule for prefix, rule in rules.PROGRAM_PREFIXES.items() if name.startswith(prefix)), ""):
        return rule
    if any(rules.DEVICES.fullmatch(target.value) for target in command.targets) and ">" in command.text:
        return "disks"
    return _rule_of_arguments(name, arguments, directory)


def _rule_of_arguments(name: str, arguments: list[str], directory: str) -> str:
    options = [each for each in arguments if each.startswith("-")]
    paths = [each for each in arguments if not each.startswith("-")]
    recursive = any(re.fullmatch(r"--recursive|-[a-zA-Z]*[rR][a-zA-Z]*", each) for each in options)
    match name:
        case "rm" if recursive and any(_is_system_place(path, directory) for path in paths):
            return "system-removal"
        case "find" if "-delete" in options and paths and _is_system_place(paths[0], directory):
            return "system-removal"
        case "chmod" | "chown" | "chgrp" if recursive and any(_is_system_place(path, directory) for path in paths):
            return "system-modes"
        case "dd" if any(each.startswith("of=") and rules.DEVICES.fullmatch(each[3:]) for each in arguments):
            return "disks"
        case "cp" | "tee" | "shred" | "truncate" if any(rules.DEVICES.fullmatch(path) for path in paths):
            return "disks"
        case "init" if rules.INIT_LEVELS & set(arguments):
            return "power"
        case "systemctl" if rules.SYSTEMCTL_POWER & set(arguments):
            return "power"
        case _:
            executes = name in rules.NETCATS and any(rules.NETCAT_EXECUTES.fullmatch(each) for each in arguments)
            return "remote-shell" if executes else ""


def _is_system_place(path: str, directory: str) -> bool:
    """``/``, ``/usr/*``, ``~``, ``$HOME/`` and the like, also by way of ``..``."""
    home = str(Path.home())
    expanded = re.sub(r"\A(?:~|\$HOME|\$\{HOME\})(?=/|\Z)", lambda _: home, path)
    place = os.path.normpath(os.path.join(directory, expanded))  # noqa: PTH118  ".." as the shell's words have it
    place = re.sub(r"\A//", "/", place)
    if place.endswith(("/*", "/.*", "/.[!.]*")):
        place = place[: place.rfind("/")] or "/"
    return place in rules.SYSTEM_PLACES or place == home or place in map(str, Path(home).parents)


def _pipes_download(commands: list[SimpleCommand], text: str) -> bool:
    """``curl … | sh``, also with others between; ``bash <(curl …)``, ``sh -c "$(wget …)"``."""
    source = text.encode(errors="replace")
    names = [{words[0] for words in _disguises(each, _NESTING)} for each in commands]
    for at, (each, known) in enumerate(zip(commands, names, strict=True)):
        if not known & rules.DOWNLOADERS:
            continue
        for later, other in zip(commands[at + 1 :], names[at + 1 :], strict=True):
            if not _PIPED.fullmatch(source[each.start + len(each.text.encode(errors="replace")) : later.start]):
                break
            if other & rules.INTERPRETERS:
                return True
    for each, known in zip(commands, names, strict=True):
        inside = _SUBSTITUTED.search(each.text) and known & (rules.INTERPRETERS | {"eval", "source", "."})
        if inside and re.search(r"(?:[<$]\(|`)\s*(?:\S*/)?(?:curl|wget|fetch|aria2c)\b", each.text):
            return True
    return False
