"""The reference's OpenAPI document, where the developer has it."""

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest

_BESIDE = Path(__file__).parents[3] / "shared" / "contract"


@cache
def reference() -> dict[str, Any]:
    """Skips the test without a document."""
    named = os.environ.get("OAD_REFERENCE_OPENAPI")
    found = [Path(named)] if named else sorted(_BESIDE.glob("opencode-openapi-*.json"))
    if not found:
        pytest.skip("the reference's document is not here (OAD_REFERENCE_OPENAPI)")
    document: dict[str, Any] = json.loads(found[-1].read_text())
    return document


def operations(document: dict[str, Any]) -> dict[str, tuple[str, str, dict[str, Any]]]:
    """Method, path and description by operationId."""
    return {
        described["operationId"]: (method, path, described)
        for path, methods in document["paths"].items()
        for method, described in methods.items()
    }


def references(schema: Any) -> set[str]:
    """Names of the components that a schema names itself."""
    if isinstance(schema, dict):
        own = {schema["$ref"].rpartition("/")[2]} if isinstance(schema.get("$ref"), str) else set[str]()
        return own.union(*(references(value) for value in schema.values()))
    if isinstance(schema, list):
        return set[str]().union(*(references(value) for value in schema))
    return set()
