"""Where a value came from, and what is wrong with one."""

from collections.abc import Iterable
from typing import Literal

import msgspec

Kind = Literal["default", "opencode.json", "file", "drop-in", "environment", "option"]


class Origin(msgspec.Struct, frozen=True, omit_defaults=True):
    """``place``: a file, a variable or an option of the command line."""

    kind: Kind
    place: str = ""
    line: int | None = None

    def __str__(self) -> str:
        if self.line is not None:
            return f"{self.place}:{self.line}"
        return self.place or self.kind


class Problem(msgspec.Struct, frozen=True):
    origin: Origin
    text: str

    def __str__(self) -> str:
        return f"{self.origin}: {self.text}"


class BadConfig(Exception):
    """Settings that can't be in force: every problem, not the first one only. The text has a line for each."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(map(str, self.problems)))
