"""The types of settings: what they are called in messages and tables, and what of a value does not fit them."""

import difflib
import math
import tomllib
import types
import typing
from collections.abc import Iterable, Iterator
from typing import Any, Final, cast

import msgspec

from .toml_lines import Path

_WORDS: Final = {bool: "true or false", int: "whole number", float: "number", str: "text", dict: "table"}
_TRUTHS: Final = {"true": True, "1": True, "false": False, "0": False}
_SHOWN: Final = 60


class Mistake(msgspec.Struct, frozen=True):
    path: Path
    text: str


def find_mistakes(kind: Any, value: object, path: Path) -> Iterator[Mistake]:
    """Everything in ``value``, as TOML gives it, that is not of the type ``kind``."""
    kind = without_none(kind)
    origin, parts = typing.get_origin(kind), typing.get_args(kind)
    if _is_struct(kind) and isinstance(value, dict):
        yield from _in_table(kind, cast("dict[str, object]", value), path)
    elif origin is dict and isinstance(value, dict):
        for name, item in cast("dict[str, object]", value).items():
            yield from find_mistakes(parts[1], item, (*path, name))
    elif origin in (tuple, list) and isinstance(value, list):
        for position, item in enumerate(cast("list[object]", value)):
            yield from find_mistakes(parts[0], item, (*path, position))
    else:
        yield from _in_leaf(kind, value, path)


def without_none(kind: Any) -> Any:
    """TOML has no null: what may be None is left out."""
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        arms = [arm for arm in typing.get_args(kind) if arm is not types.NoneType]
        return arms[0] if len(arms) == 1 else kind
    return kind


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _in_table(shape: Any, given: dict[str, object], path: Path) -> Iterator[Mistake]:
    fields = {field.encode_name: field for field in msgspec.structs.fields(shape)}
    for name, value in given.items():
        if name in fields:
            yield from find_mistakes(fields[name].type, value, (*path, name))
        elif name != shape.__struct_config__.tag_field:
            yield Mistake((*path, name), f"there is no such key{suggest(name, fields)}")
    for name, field in fields.items():
        if field.required and name not in given:
            yield Mistake(path, f"{name} is missing")


def suggest(name: str, known: Iterable[str], *, likeness: float = 0.6) -> str:
    near = difflib.get_close_matches(name, list(known), 1, likeness)
    return f"; did you mean {near[0]}?" if near else ""


def _in_leaf(kind: Any, value: object, path: Path) -> Iterator[Mistake]:
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        expected = describe(kind)
        yield Mistake(path, f"expected {expected}, found {_show(value)}" if expected else str(error))
        return
    if isinstance(value, float) and not math.isfinite(value):
        yield Mistake(path, f"expected a number that is finite, found {value}")


def _show(value: object) -> str:
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return _quote(value[:_SHOWN])
    return f"{value}"


def _quote(text: str) -> str:
    return msgspec.json.encode(text).decode()


def describe(kind: Any) -> str:
    """For people, such as "whole number from 1 to 64"; empty for what has no short name."""
    kind = without_none(kind)
    origin, parts = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Annotated:
        return describe(parts[0]) + "".join(_span(part) for part in parts[1:] if isinstance(part, msgspec.Meta))
    if origin is typing.Literal:
        *most, last = [_quote(option) for option in parts]
        return f"{', '.join(most)} or {last}" if most else last
    if origin in (tuple, list):
        inner = describe(parts[0])
        return f"list of {inner}" if inner not in ("", "table") else "list of tables"
    return "table" if _is_struct(kind) else _WORDS.get(origin or kind, "")


def _span(meta: msgspec.Meta) -> str:
    if meta.min_length:
        return " that is not empty"
    if meta.pattern is not None:
        return f" that matches {meta.pattern}"
    if meta.gt is not None:
        return f" above {meta.gt}"
    low = f" from {meta.ge}" if meta.ge is not None else ""
    return low + (f" to {meta.le}" if meta.le is not None else "")


def parse_text(kind: Any, text: str) -> object:
    """The value that a text of the environment or the command line stands for, as TOML would have it; the text itself
    where it stands for none. Lists are separated by commas, or written as in TOML."""
    kind = without_none(kind)
    origin, parts = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Annotated:
        return parse_text(parts[0], text)
    if origin is typing.Literal:
        return text.strip().lower()
    if origin in (tuple, list):
        return _parse_list(text)
    if kind is bool:
        return _TRUTHS.get(text.strip().lower(), text)
    if kind in (int, float):
        try:
            return int(text) if kind is int else float(text)
        except ValueError:
            return text
    return text


def _parse_list(text: str) -> object:
    if text.lstrip().startswith("["):
        try:
            return tomllib.loads(f"list = {text}")["list"]
        except tomllib.TOMLDecodeError:
            return text
    return [item for part in text.split(",") if (item := part.strip())]
