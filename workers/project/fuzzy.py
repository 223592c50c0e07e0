"""Ranking paths by how well they fit what somebody types."""

import heapq
import re
from collections.abc import Iterable, Sequence
from typing import Final

Score = tuple[int, int, int, str]
_MAX_WORDS: Final = 8
_MAX_CHARACTERS: Final = 200
_BOUNDARIES: Final = "/._- "


def rank(query: str, paths: Iterable[str], limit: int) -> list[str]:
    """The best ``limit`` of the paths that have every word of the query, its letters in order; nothing for no query.

    Better are words in one piece, at the beginning of a name or of a part of it, in the last name, in short paths."""
    words = query.casefold()[:_MAX_CHARACTERS].split()[:_MAX_WORDS]
    if not words:
        return []
    fitting = [(path, folded) for path in paths for folded in (path.casefold(),)]
    for word in words:
        fits = _in_order(word).match
        fitting = [each for each in fitting if fits(each[1])]
    return [path for *_, path in heapq.nsmallest(limit, (_score(words, *each) for each in fitting))]


def _in_order(word: str) -> re.Pattern[str]:
    # A set of the others between two letters, instead of anything, and from the beginning: no backtracking.
    return re.compile("".join(f"[^{re.escape(letter)}]*{re.escape(letter)}" for letter in word))


def _score(words: Sequence[str], path: str, folded: str) -> Score:
    return sum(_misfit(word, folded) for word in words), len(path), path.count("/"), path


def _misfit(word: str, path: str) -> int:
    """0 is a perfect fit. Distances between the classes are larger than what happens within them."""
    bare = path.rstrip("/")
    name = bare[bare.rfind("/") + 1 :]
    if (at := name.find(word)) >= 0:
        return _misfit_in_name(word, name, at)
    if word in (bare, path):
        return 0
    if (at := path.find(word)) >= 0:
        return 400 if at == 0 or path[at - 1] in _BOUNDARIES else 500
    return 1000 + min(_scatter(word, name), _scatter(word, path) + 200)


def _misfit_in_name(word: str, name: str, at: int) -> int:
    if word == name:
        return 0
    if word == name.lstrip(".").partition(".")[0]:
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
