"""A shell command as what permissions are asked for: its simple commands, and the directories outside that it names.

A name can be hidden (quotes, a path, a variable in front, another program that starts it, a shell within the shell);
each disguise that can be seen through adds a part, so that a rule against the plain name still matches. What cannot be
known before the shell runs, such as a name in a variable, is left to the sandbox.
"""

import os.path
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from .shell_arity import meaningful_prefix
from .shell_syntax import BLANKS, MAX_BYTES, SimpleCommand, Word, parse_script

_CHANGES_DIRECTORY: Final = frozenset({"cd", "pushd"})
_NAMES_FILES: Final = _CHANGES_DIRECTORY | frozenset(
    {"rm", "cp", "mv", "mkdir", "rmdir", "touch", "chmod", "chown", "chgrp", "cat", "ln", "install", "tee", "truncate"}
    | {"dd", "shred", "head", "tail", "less", "more", "source", "."}
)
_STARTS_ANOTHER: Final = frozenset(
    {"sudo", "doas", "env", "nohup", "nice", "time", "timeout", "setsid", "stdbuf", "command", "exec", "builtin"}
    | {"xargs", "ionice", "busybox", "chronic", "unbuffer"}
)
_SHELLS: Final = frozenset({"sh", "bash", "dash", "zsh", "ksh", "ash"})
_SYSTEM_PATHS: Final = ("/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin")
_DEVICES: Final = re.compile(r"/dev/(null|zero|full|random|urandom|tty|stdin|stdout|stderr|fd/\d+)")
_ASSIGNMENT_OR_NUMBER: Final = re.compile(r"[A-Za-z_]\w*=.*|[0-9.]+[smhd]?", re.DOTALL)
_MAX_NESTING: Final = 4
_MAX_ALTERNATIVES: Final = 64


class ShellPart(msgspec.Struct, frozen=True):
    """``text`` is what rules are matched against; ``always`` the pattern that would allow its like from now on."""

    text: str
    always: str


def split(command: str) -> list[ShellPart]:
    """The parts to ask for, in the order of the text, each once; none where the command only changes directory."""
    script = parse_script(command)
    parts = [part for each in script.commands for part in _parts(each, _MAX_NESTING)]
    text = command.strip(BLANKS)
    if text and not script.complete:
        # What the grammar did not understand can hide anything: it is asked for as what it is, so that leave for its
        # first word is not leave for all of it.
        parts.append(_part(f"bash -c {shlex.quote(text)}", []))
    elif text and not script.commands:
        parts.append(_part(text, []))
    return list(dict.fromkeys(parts))


def external_directories(command: str, directory: str, worktree: str) -> list[str]:
    """The directories outside ``directory`` and ``worktree`` that file commands and redirections name, links resolved,
    in the order of the text. Relative paths start in ``directory``, or where a ``cd`` before them went."""
    roots = [Path(os.path.realpath(root)) for root in {directory, worktree} if root != "/"]
    found: list[str] = []
    for path in _named_paths(command, directory, _MAX_NESTING):
        folder = _folder_of(path)
        if folder and not any(Path(folder).is_relative_to(root) for root in roots):
            found.append(folder)
    return list(dict.fromkeys(found))


def _parts(command: SimpleCommand, nesting: int) -> Iterator[ShellPart]:
    words = command.words
    if words and words[0].value in _CHANGES_DIRECTORY:
        return
    if not words:
        yield _part(command.text, [])
        return
    plain = [_plain_name(words[0]), *(word.value for word in words[1:])]
    prefix = _action([word.source for word in words], plain)
    yield _part(command.text, [*command.assignments, *prefix] if prefix else [])
    # Quotes around mere arguments hide nothing.
    if plain[0] and (command.assignments or _action(plain, plain) != prefix):
        yield _plain_part(plain)
    yield from _started(plain, nesting)


def _action(shown: list[str], plain: list[str]) -> list[str]:
    """The first words, as ``shown``, that tell what is done; none where only the whole command tells it."""
    if plain[0] == "eval" or _inner_script(plain) is not None:
        return []
    if plain[0] in _STARTS_ANOTHER and (inner := _behind_options(plain[1:])):
        starter = len(plain) - len(inner)
        rest = _action(shown[starter:], inner)
        return [*shown[:starter], *rest] if rest else []
    return shown[: len(meaningful_prefix(plain))]


def _started(words: list[str], nesting: int) -> Iterator[ShellPart]:
    """What a command starts in turn: ``sudo rm x`` is also ``rm x``, ``sh -c 'rm x'`` too."""
    if not words or nesting == 0:
        return
    if words[0] in _STARTS_ANOTHER:
        inner = _behind_options(words[1:])
        if inner:
            inner = [_without_system_path(inner[0]), *inner[1:]]
            yield _plain_part(inner)
            yield from _started(inner, nesting - 1)
    elif (script := _inner_script(words)) is not None:
        for command in parse_script(script).commands:
            yield from _parts(command, nesting - 1)


def _inner_script(words: list[str]) -> str | None:
    if words[0] == "eval":
        return " ".join(words[1:])
    if words[0] in _SHELLS:
        for position, word in enumerate(words[1:-1], start=1):
            if re.fullmatch(r"-[a-zA-Z]*c", word):
                return words[position + 1]
    return None


def _behind_options(words: list[str]) -> list[str]:
    for position, word in enumerate(words):
        if not word.startswith("-") and not _ASSIGNMENT_OR_NUMBER.fullmatch(word):
            return words[position:]
    return []


def _plain_part(words: list[str]) -> ShellPart:
    return _part(" ".join(words), _action(words, words))


def _part(text: str, prefix: list[str]) -> ShellPart:
    """Without a prefix only the same text is allowed from now on. Patterns know no quoting: a prefix with a star in it
    would allow too much, and a star of the text becomes a question mark, which matches it and little else."""
    if prefix and not set("*?").intersection(" ".join(prefix)):
        return ShellPart(text, " ".join([*prefix, "*"]))
    return ShellPart(text, text.replace("*", "?"))


def _plain_name(word: Word) -> str:
    return _without_system_path(word.value)


def _without_system_path(name: str) -> str:
    folder, _, base = name.rpartition("/")
    return base if folder in _SYSTEM_PATHS else name


def _named_paths(command: str, directory: str, nesting: int) -> Iterator[str]:
    """Absolute paths, not yet resolved."""
    if len(command) > MAX_BYTES or nesting == 0:
        return
    bases: list[tuple[tuple[int, int], str]] = []  # where a cd went, and the range of text in which that holds
    for each in parse_script(command).commands:
        bases = [(scope, base) for scope, base in bases if scope[0] <= each.start < scope[1]]
        base = bases[-1][1] if bases else directory
        words = [_plain_name(word) for word in each.words[:1]]
        arguments = [word for word in each.words[1:] if word.literal]
        if words and words[0] in _STARTS_ANOTHER:
            words, arguments = _behind_starter(arguments)
        named = list(_file_arguments(words[0], arguments)) if words and words[0] in _NAMES_FILES else []
        paths = [path for name in [*named, *_literal(each.targets)] if (path := _absolute(name, base))]
        yield from paths
        if words and words[0] in _CHANGES_DIRECTORY and paths:
            bases.append((each.scope, paths[-1]))
        script = _inner_script([*words, *(word.value for word in arguments)]) if words else None
        if script is not None:
            yield from _named_paths(script, base, nesting - 1)


def _behind_starter(arguments: list[Word]) -> tuple[list[str], list[Word]]:
    inner = _behind_options([word.value for word in arguments])
    rest = arguments[len(arguments) - len(inner) :]
    return [_without_system_path(name) for name in inner[:1]], rest[1:]


def _literal(words: list[Word]) -> list[str]:
    return [word.value for word in words if word.literal and not word.value.isdigit()]


def _file_arguments(name: str, arguments: list[Word]) -> Iterator[str]:
    if name == "cd" and not arguments:
        yield "~"
    options = True
    for word in arguments:
        value = word.value.partition("=")[2] if name == "dd" else word.value
        if options and value == "--":
            options = False
        elif options and value.startswith(("-", "+")):
            _, separator, path = value.partition("=")
            if separator and "/" in path:
                yield path
        elif word.source.startswith(("'", '"')):
            yield value
        else:
            yield from _expand_braces(value)


def _expand_braces(word: str) -> list[str]:
    """``a{b,c}d`` as ``abd`` and ``acd``, innermost first; at most 64 of them."""
    done: list[str] = []
    pending = [word]
    while pending and len(done) + len(pending) <= _MAX_ALTERNATIVES:
        current = pending.pop(0)
        match = re.search(r"\{([^{}]*,[^{}]*)\}", current)
        if match is None:
            done.append(current)
        else:
            pending += [current[: match.start()] + each + current[match.end() :] for each in match[1].split(",")]
    return done + pending


def _absolute(name: str, base: str) -> str | None:
    expanded = re.sub(r"\A(?:~|\$HOME|\$\{HOME\})(?=/|\Z)", lambda _: str(Path.home()), name)
    if not expanded or "\0" in expanded or _DEVICES.fullmatch(expanded):
        return None
    return os.path.normpath(os.path.join(base, expanded))  # noqa: PTH118 - ".." is taken out as the shell's cd does


def _folder_of(path: str) -> str | None:
    try:
        real = os.path.realpath(path)
        return real if Path(real).is_dir() else str(Path(real).parent)
    except (OSError, ValueError):
        return None
