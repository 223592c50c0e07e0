"""Ranking paths by how well they fit what somebody types."""

import re
from collections.abc import Generator, Iterable, Sequence
from itertools import islice
from typing import Final

from oad.contract.files import EntryType

_MAX_WORDS: Final = 8
_MAX_CHARACTERS: Final = 200
_MAX_WEIGHED: Final = 2000  # of the paths that fit in a loose way, the shortest
_BOUNDARIES: Final = "/._- "


class Index:
    """Paths made ready for many queries. Directories end in a slash.

    Better are words in one piece, at the beginning of a name or of a part of it, in the last name, in short paths."""

    def __init__(self, paths: Iterable[str]) -> None:
        # In the order of paths that fit equally well: the first that are found are the best then.
        self._paths = sorted(paths, key=lambda path: (len(path), path.count("/"), path))
        self._folded = [path.casefold() for path in self._paths]
        self._names = [_name(path) for path in self._folded]
        self._stems: dict[str, list[int]] = {}
        for position, name in enumerate(self._names):
            self._stems.setdefault(_stem(name), []).append(position)
        self._parts: dict[EntryType, Index] = {}

    def best(self, query: str, limit: int, type: EntryType | None = None) -> list[str]:
        """At most ``limit`` of the paths that have every word of the query, its letters in order; none without one."""
        words = query.casefold()[:_MAX_CHARACTERS].split()[:_MAX_WORDS]
        if not words:
            return []
        if type is not None:
            return self._part(type).best(query, limit)
        found = self._of_one(words[0]) if len(words) == 1 else self._of_many(words, limit)
        return [self._paths[position] for position in islice(found, limit)]

    def _part(self, type: EntryType) -> "Index":
        if type not in self._parts:
            wanted = type == "directory"
            self._parts[type] = Index(path for path in self._paths if path.endswith("/") == wanted)
        return self._parts[type]

    def _of_one(self, word: str) -> Generator[int]:
        """Class by class: who takes few never makes us look for the rest."""
        exact = self._named(word)
        yield from exact
        stems = [at for at in self._stems.get(word, ()) if self._names[at] != word]
        yield from stems
        told = {*exact, *stems}
        inside = [at for at, name in enumerate(self._names) if word in name and at not in told]
        yield from (at for at in inside if self._names[at].startswith(word))
        rest = [at for at in inside if not self._names[at].startswith(word)]
        yield from self._by_boundary(word, rest, self._names)
        told.update(inside)
        above = [at for at, path in enumerate(self._folded) if word in path and at not in told]
        yield from self._by_boundary(word, above, self._folded)
        told.update(above)
        yield from self._scattered(word, told)

    def _named(self, word: str) -> list[int]:
        if "/" in word:
            return [at for at, path in enumerate(self._folded) if path in (word, f"{word}/")]
        return [at for at in self._stems.get(_stem(word), ()) if self._names[at] == word]

    def _by_boundary(self, word: str, positions: Sequence[int], texts: Sequence[str]) -> Generator[int]:
        """Those first in which a part begins with the word."""
        later = list[int]()
        for position in positions:
            text = texts[position]
            at = text.find(word)
            if at == 0 or text[at - 1] in _BOUNDARIES:
                yield position
            else:
                later.append(position)
        yield from later

    def _scattered(self, word: str, told: set[int]) -> list[int]:
        fits = _in_order(word).match
        fitting = (at for at, path in enumerate(self._folded) if at not in told and fits(path))
        scored = [(self._misfit(word, at), at) for at in islice(fitting, _MAX_WEIGHED)]
        return [at for _, at in sorted(scored)]

    def _of_many(self, words: Sequence[str], limit: int) -> list[int]:
        whole = [at for at, path in enumerate(self._folded) if all(word in path for word in words)]
        fitting: Iterable[int] = whole
        if len(whole) < limit:
            patterns = [_in_order(word).match for word in words]
            fitting = (at for at, path in enumerate(self._folded) if all(fits(path) for fits in patterns))
        scored = [(sum(self._misfit(word, at) for word in words), at) for at in islice(fitting, _MAX_WEIGHED)]
        return [at for _, at in sorted(scored)]

    def _misfit(self, word: str, position: int) -> int:
        return _misfit(word, self._folded[position], self._names[position])


def _name(path: str) -> str:
    return path.rstrip("/").rpartition("/")[2]


def _stem(name: str) -> str:
    return name.lstrip(".").partition(".")[0]


def _in_order(word: str) -> re.Pattern[str]:
    # A set of the others between two letters, instead of anything, and from the beginning: no backtracking.
    return re.compile("".join(f"[^{re.escape(letter)}]*{re.escape(letter)}" for letter in word))


def _misfit(word: str, path: str, name: str) -> int:
    """0 is a perfect fit. Distances between the classes are larger than what happens within them."""
    if (at := name.find(word)) >= 0:
        return _misfit_in_name(word, name, at)
    if path in (word, f"{word}/"):
        return 0
    if (at := path.find(word)) >= 0:
        return 400 if at == 0 or path[at - 1] in _BOUNDARIES else 500
    return 1000 + min(_scatter(word, name), _scatter(word, path) + 200)


def _misfit_in_name(word: str, name: str, at: int) -> int:
    if word == name:
        return 0
    if word == _stem(name):
        return 10
    return 100 if at == 0 else 200 if name[at - 1] in _BOUNDARIES else 300


def _scatter(word: str, text: str) -> int:
    """How many pieces the word falls into, those that begin a part counting less; 100 a piece at most."""
    penalty, last = 0, -2
    for letter in word:
        at = text.find(letter, last + 1 if last >= 0 else 0)
        if at < 0:
            return 100 * len(word) + 1000
        if at != last + 1:
            penalty += 20 if at == 0 or text[at - 1] in _BOUNDARIES else 100
        last = at
    return penalty
