"""Reading what a model wrote as a call's arguments."""

from typing import Any

import msgspec

from .tool import Tool


class BadArguments(Exception):
    """They do not fit; the text says which and why, for the model."""


def read_arguments(tool: Tool[Any], arguments: dict[str, Any]) -> msgspec.Struct:
    """Numbers and truth values in quotes are accepted, as models write them. Raises BadArguments."""
    try:
        read: msgspec.Struct = msgspec.convert(arguments, tool.args, strict=False)
    except msgspec.ValidationError as error:
        raise BadArguments(str(error)) from error
    return read
