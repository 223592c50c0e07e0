"""What msgspec says about a body that does not fit, put as clients of the reference know it:
``Missing key\\n  at ["parts"][0]["text"]``, ``Expected string, got 5\\n  at ["title"]``."""

import re
from typing import Any, Final, Literal, get_args, get_origin, get_type_hints

import msgspec

from .query import quoted

_MISSING: Final = re.compile(r"Object missing required field `([^`]+)`")
_EXPECTED: Final = re.compile(r"Expected `([^`]+)`, got `[^`]+`")
_PATTERN: Final = re.compile(r"Expected `str` matching regex '\^([A-Za-z]+)")
_STEP: Final = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]")
_NAMES: Final = {"str": "string", "int": "number", "float": "number", "bool": "boolean"}
_SHOWN: Final = 300  # characters of a client's value that an error body repeats


def describe(message: str, body: bytes, type: Any) -> str:
    """``message`` is the text of a ValidationError for ``body`` against ``type``."""
    problem, _, path = message.partition(" - at `$")
    steps = _steps(path.rstrip("`"))
    if missing := _MISSING.match(problem):
        return _at("Missing key", [*steps, missing[1]])
    if pattern := _PATTERN.match(problem):
        return _at(f"Expected a string starting with {quoted(pattern[1])}, got {_value(body, steps)}", steps)
    if problem.startswith("Invalid enum value"):
        return _at(f"Expected {_options(type, steps)}, got {_value(body, steps)}", steps)
    if expected := _EXPECTED.match(problem):
        names = " | ".join(_NAMES.get(name, name) for name in expected[1].split(" | "))
        return _at(f"Expected {names}, got {_value(body, steps)}", steps)
    return _at(problem, steps)


def _steps(path: str) -> list[str | int]:
    return [name or int(index) for name, index in _STEP.findall(path)]


def _at(problem: str, steps: list[str | int]) -> str:
    return f"{problem}\n  at {''.join(f'[{quoted(step)}]' for step in steps)}" if steps else problem


def _value(body: bytes, steps: list[str | int]) -> str:
    """The value at the place of the problem; the rest of the body may be anything, malformed or nested for ever."""
    try:
        value: Any = msgspec.json.decode(body)
        for step in steps:
            value = value[step]
    except (LookupError, TypeError, RecursionError, UnicodeDecodeError, msgspec.DecodeError):
        return "another type"
    return quoted(value)[:_SHOWN]


def _options(type: Any, steps: list[str | int]) -> str:
    """The values that a field of literals allows; found for fields of the body itself, which are all that have some."""
    for name, hint in _fields(type).items():
        if steps == [name]:
            allowed = [
                value for part in (hint, *get_args(hint)) if get_origin(part) is Literal for value in get_args(part)
            ]
            return " | ".join(map(quoted, allowed))
    return "another value"


def _fields(type: Any) -> dict[str, Any]:
    if not isinstance(type, msgspec.StructMeta) or not issubclass(type, msgspec.Struct):
        return {}
    hints = get_type_hints(type, include_extras=True)
    return {field.encode_name: hints[field.name] for field in msgspec.structs.fields(type)}
