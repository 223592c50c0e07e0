from typing import Annotated

from msgspec import Meta

from oad.workers.tools.json_schema import DIALECT, arguments_schema
from oad.workers.tools.tool import ToolArgs


class Inner(ToolArgs):
    title: str


class Outer(ToolArgs, kw_only=True):
    long_name: Annotated[int, Meta(gt=0, description="d")] | None = None
    items: Annotated[list[Inner], Meta(description="i")]
    one: Inner | None = None


class Nothing(ToolArgs):
    pass


def test_plain() -> None:
    inner = {"type": "object", "properties": {"title": {"type": "string"}}, "required": ["title"]}
    schema = arguments_schema(Outer)
    assert schema == {
        "$schema": DIALECT,
        "type": "object",
        "properties": {
            "longName": {"type": "integer", "exclusiveMinimum": 0, "description": "d"},
            "items": {"type": "array", "items": inner, "description": "i"},
            "one": inner,
        },
        "required": ["items"],
    }


def test_no_arguments() -> None:
    assert arguments_schema(Nothing) == {"$schema": DIALECT, "type": "object", "properties": {}}
