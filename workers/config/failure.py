"""The two ways in which configuration is wrong, each with the file's path."""

from collections.abc import Iterable

import msgspec

from oad.contract.errors import ApiError, named


class Issue(msgspec.Struct, frozen=True):
    """``path`` leads to the key: names of keys, and positions in lists."""

    message: str
    path: list[str | int] = []

    def __str__(self) -> str:
        return f"{self.message} at {'.'.join(map(str, self.path))}" if self.path else self.message


def broken_json(path: str, message: str, text: str, offset: int) -> ApiError:
    """Not JSON. ``offset`` counts characters from 0; line and column count from 1."""
    before = text[:offset]
    line = before.count("\n") + 1
    column = offset - (before.rfind("\n") + 1) + 1
    return named(
        400,
        "ConfigJsonError",
        path=path,
        message=f"{message} at line {line}, column {column}",
        line=line,
        column=column,
    )


def invalid(path: str, issues: Iterable[Issue]) -> ApiError:
    """JSON, but with wrong values. Clients print path, message and issues."""
    found = list(issues)
    return named(
        400,
        "ConfigInvalidError",
        path=path,
        message="; ".join(map(str, found)),
        issues=[{"message": issue.message, "path": issue.path} for issue in found],
    )
