"""On which line of a configuration file a key stands."""

import re
from collections.abc import Sequence

from .jsonc_edit import CannotEdit, find_start


def line_of(text: str, path: Sequence[str | int]) -> int:
    """Of the key, or of the innermost one around it that is there."""
    try:
        start = find_start(text, path)
    except CannotEdit:
        return 1
    return text.count("\n", 0, start) + 1


def line_of_front_matter(text: str, key: str) -> int:
    found = re.search(rf"^{re.escape(key)}[ \t]*:", text, re.MULTILINE)
    return text.count("\n", 0, found.start()) + 1 if found else 1
