"""Kinds of query parameters: each checks one text and gives the text that travels on to the daemon."""

import math
from typing import Any, Final, Protocol

import msgspec

SAFE: Final = 2**53  # what a double, and so a client in JavaScript, can tell from its neighbours


class Refused(Exception):
    """The text is not of the kind; the message says what was expected and what came."""


class Kind(Protocol):
    @property
    def schema(self) -> dict[str, Any]: ...
    @property
    def required(self) -> bool: ...
    def check(self, text: str) -> str | None:
        """What to pass on; None drops the parameter. Raises Refused."""
        ...


class Text(msgspec.Struct, frozen=True):
    required: bool = False

    @property
    def schema(self) -> dict[str, Any]:
        return {"type": "string"}

    def check(self, text: str) -> str | None:
        return text


class Number(msgspec.Struct, frozen=True):
    """Leniently read, as the reference does: what is no number counts as ``otherwise``, or as absent."""

    required: bool = False
    otherwise: str | None = None

    @property
    def schema(self) -> dict[str, Any]:
        return {"type": "number"}

    def check(self, text: str) -> str | None:
        try:
            value = float(text)
        except ValueError:
            return self.otherwise
        if not math.isfinite(value):
            return self.otherwise
        if value != int(value) or abs(value) > SAFE:
            raise Refused(f"Expected an integer, got {text}")
        return str(int(value))


class Integer(msgspec.Struct, frozen=True):
    minimum: int = 0
    required: bool = False
    maximum: int | None = None

    @property
    def schema(self) -> dict[str, Any]:
        bound = {} if self.maximum is None else {"maximum": self.maximum}
        return {"type": "integer", "minimum": self.minimum, **bound}

    def check(self, text: str) -> str | None:
        try:
            value = int(text[:20])
        except ValueError:
            raise Refused("Expected an integer, got NaN") from None
        if value < self.minimum:
            raise Refused(f"Expected a value greater than or equal to {self.minimum}, got {value}")
        if self.maximum is not None and value > self.maximum:
            raise Refused(f"Expected a value less than or equal to {self.maximum}, got {value}")
        return str(value)


class Decimal(msgspec.Struct, frozen=True):
    """A number within bounds, fractions allowed."""

    minimum: float
    maximum: float
    required: bool = False

    @property
    def schema(self) -> dict[str, Any]:
        return {"type": "number", "minimum": self.minimum, "maximum": self.maximum}

    def check(self, text: str) -> str | None:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not self.minimum <= value <= self.maximum:
            raise Refused(f"Expected a number between {self.minimum:g} and {self.maximum:g}, got {quoted(text[:40])}")
        return repr(value)


class Choice(msgspec.Struct, frozen=True):
    options: tuple[str, ...]
    required: bool = False

    @property
    def schema(self) -> dict[str, Any]:
        return {"type": "string", "enum": list(self.options)}

    def check(self, text: str) -> str | None:
        if text not in self.options:
            raise Refused(f"Expected {' | '.join(map(quoted, self.options))}, got {quoted(text)}")
        return text


def quoted(value: Any) -> str:
    """A value as the error bodies show it."""
    return msgspec.json.encode(value).decode()


TRUTH = Choice(("true", "false"))
TEXT = Text()
NUMBER = Number()
COUNT = Number(otherwise="-1")  # a limit: what is no number sets none
