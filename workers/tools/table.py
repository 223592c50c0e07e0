"""Every tool there is, and which of them a model is offered."""

from collections.abc import Mapping
from typing import Any, Final

from oad.contract.catalogue import ToolDescription

from . import task
from .apply_patch import ApplyPatchTool
from .bash import BashTool
from .edit import EditTool
from .glob import GlobTool
from .grep import GrepTool
from .invalid import InvalidTool
from .json_schema import arguments_schema
from .question import QuestionTool
from .read import ReadTool
from .skill import SkillTool
from .task import TaskTool
from .todowrite import TodowriteTool
from .tool import Tool
from .webfetch import WebfetchTool
from .write import WriteTool

TOOLS: Final[tuple[Tool[Any], ...]] = (
    InvalidTool(),
    QuestionTool(),
    BashTool(),
    ReadTool(),
    GlobTool(),
    GrepTool(),
    EditTool(),
    WriteTool(),
    TaskTool(),
    WebfetchTool(),
    TodowriteTool(),
    SkillTool(),
    ApplyPatchTool(),
)
_BY_NAME: Final = {tool.name: tool for tool in TOOLS}
_ASKED_AS: Final = {"edit": "edit", "write": "edit", "apply_patch": "edit"}


def find(name: str) -> Tool[Any] | None:
    return _BY_NAME.get(name)


def names() -> list[str]:
    """Of all tools, in the order in which they are listed."""
    return list(_BY_NAME)


def permission_of(name: str) -> str:
    """The permission that a tool asks for; one whose every pattern is denied is not offered."""
    return _ASKED_AS.get(name, name)


def available(model_id: str) -> list[Tool[Any]]:
    """The tools for a model: newer GPT models are trained on patches, all others on edit and write."""
    lacks = {"edit", "write"} if writes_patches(model_id) else {"apply_patch"}
    return [tool for tool in TOOLS if tool.name not in lacks]


def writes_patches(model_id: str) -> bool:
    return "gpt-" in model_id and "gpt-4" not in model_id and "oss" not in model_id


def describe(tools: list[Tool[Any]], services: Mapping[str, Any]) -> list[ToolDescription]:
    """What a model, or /experimental/tool, is told of each. ``services`` as in ToolContext."""
    return [
        ToolDescription(id=tool.name, description=_description(tool, services), parameters=arguments_schema(tool.args))
        for tool in tools
    ]


def _description(tool: Tool[Any], services: Mapping[str, Any]) -> str:
    return task.describe(services.get("subagents") or ()) if tool.name == "task" else tool.description
