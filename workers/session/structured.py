"""A final answer in the form of a JSON Schema: the model has to give it by calling one particular tool."""

from typing import Any

import msgspec

from oad.contract.message import NamedError

from ..tools.tool import ToolContext, ToolResult
from .texts import STRUCTURED_DESCRIPTION, STRUCTURED_DONE


class AnyObject(msgspec.Struct):
    """Takes whatever object comes: the schema is the user's own and is checked by the model's server, if at all."""


class StructuredOutput:
    """The tool of one step; ``answer`` is what the model called it with."""

    name = "StructuredOutput"
    description = STRUCTURED_DESCRIPTION
    args = AnyObject

    def __init__(self, schema: dict[str, Any]) -> None:
        self.schema = {key: value for key, value in schema.items() if key != "$schema"}
        self.answer: dict[str, Any] | None = None

    async def run(self, args: AnyObject, context: ToolContext) -> ToolResult:
        return ToolResult(title="Structured Output", output=STRUCTURED_DONE, metadata={"valid": True})


def missing_output() -> NamedError:
    return NamedError(
        name="StructuredOutputError", data={"message": "Model did not produce structured output", "retries": 0}
    )
