"""Changing a JSON text with comments in place: what is not meant keeps its place, its form and its comments."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

import msgspec

_SPACE: Final = re.compile(r"(?:\s|//[^\n]*|/\*.*?\*/)*", re.DOTALL)
_REST_OF_LINE: Final = re.compile(r"[ \t]*(?:/\*[^\n]*?\*/[ \t]*)*(?://[^\n]*)?")
_BARE: Final = re.compile(r"[^\s,:{}\[\]\"'/]+")
_STRING: Final = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'", re.DOTALL)
_INDENT: Final = re.compile(r"^([ \t]+)\S", re.MULTILINE)
_MAX_DEPTH: Final = 64


class CannotEdit(Exception):
    """The text is not what this module can read, though a more lenient decoder may."""


class _Node(msgspec.Struct):
    """A value from ``start`` to ``end``; ``members`` only of an object."""

    start: int
    end: int
    members: "list[_Member] | None" = None


class _Member(msgspec.Struct):
    key: str
    start: int
    value: _Node


class _Edit(msgspec.Struct, frozen=True):
    start: int
    end: int
    text: str


def edit_json(text: str, patch: Mapping[str, Any]) -> str:
    """The text of an object with ``patch`` put in: objects merge deeply, anything else is replaced. New keys come last.

    Raises CannotEdit."""
    top = _Scanner(text).read()
    if top.members is None:
        raise CannotEdit("not an object")
    unit = found[1] if (found := _INDENT.search(text)) else "  "
    edits = list(_Editor(text, unit).edits(top, patch))
    for edit in sorted(edits, key=lambda edit: edit.start, reverse=True):
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text


def find_start(text: str, path: Sequence[str | int]) -> int:
    """Where the key at ``path`` begins, or the innermost one around it that is there. Raises CannotEdit."""
    node, start = _Scanner(text).read(), 0
    for key in path:
        member = next((member for member in node.members or [] if member.key == key), None)
        if member is None:
            break
        node, start = member.value, member.start
    return start


class _Scanner:
    """Finds where values begin and end; whether they are right is for a real decoder to say."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def read(self) -> _Node:
        node = self._value(0)
        self._skip()
        if self._at != len(self._text):
            raise CannotEdit(f"something follows at {self._at}")
        return node

    def _skip(self) -> str:
        """Passes blanks and comments; returns the next character, empty at the end."""
        match = _SPACE.match(self._text, self._at)
        self._at = match.end() if match else self._at
        return self._text[self._at : self._at + 1]

    def _value(self, depth: int) -> _Node:
        character = self._skip()
        start = self._at
        if depth > _MAX_DEPTH:
            raise CannotEdit("nested too deeply")
        if character == "{":
            members = self._members(depth)
            return _Node(start, self._at, members)
        if character == "[":
            self._items(depth)
        else:
            self._scalar()
        return _Node(start, self._at)

    def _scalar(self) -> str:
        match = _STRING.match(self._text, self._at) or _BARE.match(self._text, self._at)
        if match is None:
            raise CannotEdit(f"no value at {self._at}")
        self._at = match.end()
        return match[0]

    def _members(self, depth: int) -> list[_Member]:
        found: list[_Member] = []
        self._at += 1
        while (character := self._skip()) != "}":
            start = self._at
            written = self._scalar()
            if self._skip() != ":":
                raise CannotEdit(f"no colon at {self._at}")
            self._at += 1
            found.append(_Member(_name(written), start, self._value(depth + 1)))
            self._pass_comma("}")
        self._at += len(character)
        return found

    def _items(self, depth: int) -> None:
        self._at += 1
        while self._skip() != "]":
            self._value(depth + 1)
            self._pass_comma("]")
        self._at += 1

    def _pass_comma(self, end: str) -> None:
        character = self._skip()
        if character == ",":
            self._at += 1
        elif character != end:
            raise CannotEdit(f"no comma at {self._at}")


def _name(written: str) -> str:
    if written[0] not in "\"'":
        return written
    inner = written[1:-1]
    try:
        return str(json.loads(f'"{inner}"' if written[0] == '"' else '"' + inner.replace('"', '\\"') + '"'))
    except ValueError:
        return inner


class _Editor:
    def __init__(self, text: str, unit: str) -> None:
        self._text = text
        self._unit = unit
        self._newline = "\r\n" if "\r\n" in text else "\n"

    def edits(self, node: _Node, patch: Mapping[str, Any]) -> "list[_Edit]":
        members = node.members or []
        known = {member.key: member for member in members}  # of a key that is there twice the last one counts
        edits: list[_Edit] = []
        fresh: dict[str, Any] = {}
        for key, value in patch.items():
            member = known.get(key)
            if member is None:
                fresh[key] = value
            elif isinstance(value, dict) and member.value.members is not None:
                edits += self.edits(member.value, cast("dict[str, Any]", value))
            else:
                indent = self._indent_of(member.start)
                edits.append(_Edit(member.value.start, member.value.end, self._written(value, indent)))
        return edits + (self._appended(node, members, fresh) if fresh else [])

    def _appended(self, node: _Node, members: list[_Member], fresh: dict[str, Any]) -> list[_Edit]:
        if not members:
            return [self._into_empty(node, fresh)]
        last = members[-1].value.end
        between = self._text[node.start + 1 : members[0].start]
        if "\n" not in between:
            text = "".join(f", {json.dumps(key)}: {self._written(value, '')}" for key, value in fresh.items())
            return [_Edit(last, last, text)]
        indent = self._indent_of(members[-1].start)
        trailing = self._text[self._after_blanks(last) :][:1] == ","
        lines = [
            f"{self._newline}{indent}{json.dumps(key)}: {self._written(value, indent)}" for key, value in fresh.items()
        ]
        if trailing:
            end = self._end_of_line(self._after_blanks(last) + 1)
            return [_Edit(end, end, "".join(f"{line}," for line in lines))]
        end = self._end_of_line(last)  # a comment behind the last member stays with it
        if end == last:
            return [_Edit(last, last, "," + ",".join(lines))]
        return [_Edit(last, last, ","), _Edit(end, end, ",".join(lines))]

    def _into_empty(self, node: _Node, fresh: dict[str, Any]) -> _Edit:
        outer = self._indent_of(node.start)
        indent = outer + self._unit
        lines = ",".join(
            f"{self._newline}{indent}{json.dumps(key)}: {self._written(value, indent)}" for key, value in fresh.items()
        )
        end = node.end - 1
        start = node.start + 1 + len(self._text[node.start + 1 : end].rstrip())
        return _Edit(start, end, f"{lines}{self._newline}{outer}")

    def _after_blanks(self, position: int) -> int:
        match = _SPACE.match(self._text, position)
        return match.end() if match else position

    def _end_of_line(self, position: int) -> int:
        """Behind what stands on the same line, unless that is a further value or the end of the object."""
        match = _REST_OF_LINE.match(self._text, position)
        end = match.end() if match else position
        return end if self._text[end : end + 1] in ("\n", "\r", "") else position

    def _indent_of(self, position: int) -> str:
        line = self._text[self._text.rfind("\n", 0, position) + 1 : position]
        return line[: len(line) - len(line.lstrip())]

    def _written(self, value: Any, indent: str) -> str:
        text = json.dumps(value, ensure_ascii=False, indent=self._unit)
        return text.replace("\n", self._newline + indent)
