"""On which line of a TOML file a value stands, which tomllib does not tell. For texts that tomllib has accepted."""

import json
from collections.abc import Mapping
from typing import Final

Path = tuple[str | int, ...]
_PLAIN_END: Final = frozenset(",]}#\n")


def find_lines(text: str) -> dict[Path, int]:
    """The line (from 1) of each table, key and element of a list, by its path."""
    scanner = _Scanner(text)
    scanner.document()
    return scanner.lines


def line_of(lines: Mapping[Path, int], path: Path) -> int:
    """Of the value, or of the nearest thing around it that is there: what is missing has no line of its own."""
    for length in range(len(path), 0, -1):
        if path[:length] in lines:
            return lines[path[:length]]
    return 1


class _Scanner:
    def __init__(self, text: str) -> None:
        self.lines: dict[Path, int] = {}
        self._text = text
        self._at = 0
        self._counts: dict[Path, int] = {}  # of tables in [[lists]]

    def document(self) -> None:
        table: Path = ()
        while self._skip_to_content():
            if self._peek("["):
                table = self._header()
            else:
                self._pair(table)

    def _note(self, path: Path) -> None:
        self.lines.setdefault(path, self._text.count("\n", 0, self._at) + 1)

    def _peek(self, token: str) -> bool:
        return self._text.startswith(token, self._at)

    def _skip_to_content(self) -> bool:
        """Past blanks, line ends and comments; False at the end."""
        while self._at < len(self._text):
            if self._peek("#"):
                end = self._text.find("\n", self._at)
                self._at = len(self._text) if end < 0 else end
            elif self._text[self._at].isspace():
                self._at += 1
            else:
                return True
        return False

    def _header(self) -> Path:
        is_list = self._peek("[[")
        self._at += 2 if is_list else 1
        start, names = self._at, self._key()
        self._at += 2 if is_list else 1
        path: Path = ()
        for name in names[:-1]:
            path = self._within(path + (name,))
        path += (names[-1],)
        if is_list:
            self._counts[path] = self._counts.get(path, -1) + 1
        self._at, after = start, self._at
        self._note(path)
        path = self._within(path)
        self._note(path)
        self._at = after
        return path

    def _within(self, path: Path) -> Path:
        """A table in a list of tables is the last one so far."""
        return path + (self._counts[path],) if path in self._counts else path

    def _key(self) -> tuple[str, ...]:
        names = [self._name()]
        while self._skip_to_content() and self._peek("."):
            self._at += 1
            names.append(self._name())
        return tuple(names)

    def _name(self) -> str:
        self._skip_to_content()
        if self._peek('"') or self._peek("'"):
            return self._string()
        start = self._at
        while self._text[self._at].isalnum() or self._text[self._at] in "_-":
            self._at += 1
        return self._text[start : self._at]

    def _pair(self, table: Path) -> None:
        start, names = self._at, self._key()
        self._at, after = start, self._at
        for length in range(1, len(names) + 1):
            self._note(table + names[:length])
        self._at = after
        self._at += 1  # "="
        self._value(table + names)

    def _value(self, path: Path) -> None:
        self._skip_to_content()
        if self._peek('"') or self._peek("'"):
            self._string()
        elif self._peek("["):
            self._list(path)
        elif self._peek("{"):
            self._inline_table(path)
        else:
            while self._at < len(self._text) and self._text[self._at] not in _PLAIN_END:
                self._at += 1

    def _list(self, path: Path) -> None:
        self._at += 1
        position = 0
        while self._skip_to_content() and not self._peek("]"):
            if self._peek(","):
                self._at += 1
                continue
            self._note((*path, position))
            self._value((*path, position))
            position += 1
        self._at += 1

    def _inline_table(self, path: Path) -> None:
        self._at += 1
        while self._skip_to_content() and not self._peek("}"):
            if self._peek(","):
                self._at += 1
            else:
                self._pair(path)
        self._at += 1

    def _string(self) -> str:
        quote = self._text[self._at]
        fence = quote * 3 if self._peek(quote * 3) else quote
        start = self._at + len(fence)
        end = start
        while not self._text.startswith(fence, end):
            end += 2 if quote == '"' and self._text[end] == "\\" else 1
        while len(fence) == 3 and self._text.startswith(fence, end + 1):
            end += 1  # quotes just before the closing ones belong to the text
        self._at = end + len(fence)
        raw = self._text[start:end]
        return _unescape(raw) if quote == '"' and len(fence) == 1 else raw


def _unescape(raw: str) -> str:
    try:
        return str(json.loads(f'"{raw}"'))
    except ValueError:  # TOML's eight-digit escapes, in a key: nothing that is known has one
        return raw
