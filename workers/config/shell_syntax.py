"""Shell text as its simple commands, found by a real grammar. Never raises, whatever the text."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from tree_sitter import Node, Parser

BLANKS: Final = " \t\n"  # to the shell; Python would strip more
MAX_BYTES: Final = 64 * 1024  # longer text is not taken apart
_SCOPES: Final = frozenset({"subshell", "command_substitution", "process_substitution", "pipeline"})
_WORDS: Final = frozenset(
    {
        "word",
        "string",
        "raw_string",
        "ansi_c_string",
        "translated_string",
        "concatenation",
        "number",
        "simple_expansion",
        "expansion",
        "command_substitution",
        "process_substitution",
        "brace_expression",
    }
)
_HOME: Final = re.compile(r"\A(?:\$HOME|\$\{HOME\})(?=/|\Z)")


class Word(msgspec.Struct, frozen=True):
    """``source`` as written, ``value`` without quotes; ``literal``: the value is known before the shell runs (a leading
    $HOME is let pass, since it can be expanded by the reader)."""

    source: str
    value: str
    literal: bool


class SimpleCommand(msgspec.Struct, frozen=True):
    """``text`` is the command with its redirections, as written; ``words`` starts with the command's name and is empty
    for a redirection without a command."""

    text: str
    words: list[Word]
    assignments: list[str]
    targets: list[Word]  # of redirections to and from files
    scope: tuple[int, int]  # where a change of directory holds: offsets into the whole text
    start: int


class Script(msgspec.Struct, frozen=True):
    commands: list[SimpleCommand]
    complete: bool  # False: the grammar did not understand all of it


def parse_script(text: str) -> Script:
    source = text.encode("utf-8", errors="replace")
    if len(source) > MAX_BYTES:
        return Script(commands=[], complete=False)
    root = _parser().parse(source).root_node
    commands = [_command(node, outer, scope) for node, outer, scope in _find_commands(root)]
    return Script(commands=commands, complete=not root.has_error)


@lru_cache(maxsize=1)
def _parser() -> "Parser":
    # Imported at the first command: a worker that runs none need not hold the grammar.
    import tree_sitter_bash
    from tree_sitter import Language, Parser

    return Parser(Language(tree_sitter_bash.language()))


_Found = tuple["Node", "Node", tuple[int, int]]


def _find_commands(root: "Node") -> Iterator[_Found]:
    """The command nodes in the order of the text, each with the node that holds its redirections and the range in which
    it may change the directory. Iterative: hostile text nests deeper than the interpreter's stack."""
    pending: list[_Found] = [(root, root, (0, root.end_byte))]
    while pending:
        node, parent, scope = pending.pop()
        if node.is_missing or node.start_byte == node.end_byte:
            continue  # the grammar put it in to make sense of what is broken
        if node.type == "command" or _is_bare_redirection(node):
            yield node, parent if parent.type == "redirected_statement" else node, scope
        if node.type in _SCOPES:
            scope = (node.start_byte, node.end_byte)
        # The parent goes along: asking a node for it searches the tree from its root.
        pending += [(child, node, scope) for child in reversed(node.children) if child.is_named]


def _is_bare_redirection(node: "Node") -> bool:
    return node.type == "redirected_statement" and all(
        child.type.endswith("_redirect") for child in node.children if child.is_named
    )


def _command(node: "Node", outer: "Node", scope: tuple[int, int]) -> SimpleCommand:
    holders = [node] if outer == node else [node, outer]
    redirections = [child for part in holders for child in part.children if child.type == "file_redirect"]
    return SimpleCommand(
        text=_text(outer).strip(BLANKS),
        words=list(_words(node)) if node.type == "command" else [],
        assignments=[_text(child) for child in node.children if child.type == "variable_assignment"],
        targets=[_word(part) for child in redirections for part in child.children if part.type in _WORDS],
        scope=scope,
        start=node.start_byte,
    )


def _words(node: "Node") -> Iterator[Word]:
    for child in node.children:
        if child.type == "command_name" and child.children:
            yield _word(child.children[0])
        elif child.type == "command_name" or child.type in _WORDS:
            yield _word(child)


def _word(node: "Node") -> Word:
    source = _text(node)
    value, literal = _evaluate(node, source)
    return Word(source=source, value=value, literal=literal)


def _evaluate(node: "Node", source: str) -> tuple[str, bool]:
    if node.type in ("word", "number"):
        return re.sub(r"\\(.)", r"\1", source, flags=re.DOTALL), True
    if node.type == "raw_string":
        return source[1:-1], True
    if node.type == "ansi_c_string":
        return _unescape(source[2:-1]), True
    if node.type in ("string", "translated_string"):
        inner = source[source.find('"') + 1 : -1]
        plain = all(child.type in ('"', "string_content") for child in node.children)
        return re.sub(r'\\([\\"$`])', r"\1", inner), plain or _is_below_home(inner)
    if node.type in ("simple_expansion", "expansion"):
        return source, _is_below_home(source)
    if node.type == "concatenation":
        parts = [_evaluate(child, _text(child)) for child in node.children]
        value = "".join(part for part, _ in parts)
        return value, all(literal for _, literal in parts) or _is_below_home(value)
    return source, False


def _is_below_home(text: str) -> bool:
    match = _HOME.match(text)
    return match is not None and not set("$`") & set(text[match.end() :])


def _unescape(text: str) -> str:
    """``$'…'``: only what can hide a name is undone, octal, hexadecimal and single-character escapes."""

    def replacement(match: re.Match[str]) -> str:
        octal, hexadecimal, character = match.groups()
        if octal:
            return chr(int(octal, 8) & 0xFF)
        return chr(int(hexadecimal, 16)) if hexadecimal else {"n": "\n", "t": "\t"}.get(character, character)

    return re.sub(r"\\(?:([0-7]{1,3})|[xu]([0-9a-fA-F]{1,4})|(.))", replacement, text, flags=re.DOTALL)


def _text(node: "Node") -> str:
    return (node.text or b"").decode("utf-8", errors="replace")
