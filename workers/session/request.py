"""What is sent to a model for a step, put together from the project, the agent, and the conversation."""

from collections.abc import Iterable
from typing import Any, Final

from oad.contract.catalogue import Agent, Model
from oad.contract.message import MessageWithParts, OutputJsonSchema, UserMessage

from ..config.tuning import OUTPUT_TOKENS, positive
from ..environment import ENVIRONMENT
from ..providers.model import ChatMessage, Endpoint, ModelRequest, TextContent, ToolSpec
from ..sandbox.agent_exec import OPTION as SANDBOX_OPTION
from ..tools.mcp_tool import McpTool
from ..tools.table import describe
from ..tools.tool import Tool
from .history import since_compaction, to_chat
from .permission import is_withheld
from .reminders import remind
from .structured import StructuredOutput
from .system import system_prompt
from .texts import MAXIMUM_STEPS
from .turn import Turn

MAX_OUTPUT_TOKENS: Final = 32_000


def offered_tools(turn: Turn, agent: Agent, model: Model, user: UserMessage) -> dict[str, Tool[Any]]:
    """The tools of the project that neither a rule nor the prompt withholds."""
    if not model.capabilities.toolcall:
        return {}
    rules = turn.rules(agent)
    switches = user.tools or {}
    offered = {
        name: tool
        for name, tool in turn.scene.tools(model, agent).items()
        if name != "invalid" and switches.get(name, True) and not is_withheld(name, rules)
    }
    if isinstance(user.format, OutputJsonSchema):
        offered[StructuredOutput.name] = StructuredOutput(user.format.schema)
    return dict(sorted(offered.items(), key=lambda item: item[0].lower()))


def step_request(
    turn: Turn,
    agent: Agent,
    found: tuple[Model, Endpoint],
    user: UserMessage,
    tools: dict[str, Tool[Any]],
    *,
    exhausted: bool,
) -> ModelRequest:
    """``exhausted``: the agent's steps are used up, the model is told to come to an end."""
    model, endpoint = found
    conversation = turn.conversation
    messages = to_chat(remind(since_compaction(conversation.messages), agent), model)
    if exhausted:
        messages.append(ChatMessage(role="assistant", content=[TextContent(MAXIMUM_STEPS)]))
    return ModelRequest(
        model=model,
        endpoint=endpoint,
        system=system_prompt(turn.scene, agent, model, turn.session.directory, user),
        messages=messages,
        tools=describe_tools(tools.values(), turn.services),
        tool_choice="required" if isinstance(user.format, OutputJsonSchema) else "auto",
        max_output_tokens=output_limit(model),
        temperature=agent.temperature if model.capabilities.temperature else None,
        top_p=agent.top_p,
        options=merged_options(model, agent, user.model.variant),
        session_id=turn.session.id,
    )


def aside_request(
    turn: Turn, agent: Agent, found: tuple[Model, Endpoint], system: str, messages: list[ChatMessage]
) -> ModelRequest:
    """A call beside the conversation, without tools: for a title or a summary."""
    model, endpoint = found
    return ModelRequest(
        model=model,
        endpoint=endpoint,
        system=[agent.prompt or system],
        messages=messages,
        max_output_tokens=output_limit(model),
        temperature=agent.temperature if model.capabilities.temperature else None,
        top_p=agent.top_p,
        options=merged_options(model, agent, None),
        session_id=turn.session.id,
    )


def output_limit(model: Model) -> int:
    most = positive(ENVIRONMENT, OUTPUT_TOKENS) or MAX_OUTPUT_TOKENS
    return min(model.limit.output, most) or most


def merged_options(model: Model, agent: Agent, variant: str | None) -> dict[str, Any]:
    """Variant over agent over model. An unknown variant adds nothing."""
    own = {name: value for name, value in agent.options.items() if name != SANDBOX_OPTION}
    return {**model.options, **own, **(model.variants or {}).get(variant or "", {})}


def describe_tools(tools: Iterable[Tool[Any]], services: dict[str, Any]) -> list[ToolSpec]:
    described: list[ToolSpec] = []
    for tool in tools:
        if isinstance(tool, StructuredOutput | McpTool):
            described.append(ToolSpec(tool.name, tool.description, tool.schema))
        else:
            (known,) = describe([tool], services)
            # Some models' servers refuse the keyword, none needs it.
            parameters = {key: value for key, value in known.parameters.items() if key != "$schema"}
            described.append(ToolSpec(known.id, known.description, parameters))
    return described


def real_users(messages: list[MessageWithParts]) -> list[MessageWithParts]:
    """The messages that a person wrote, as opposed to those of the loop."""
    return [m for m in messages if isinstance(m.info, UserMessage) and not is_synthetic(m)]


def is_synthetic(message: MessageWithParts) -> bool:
    return all(getattr(part, "synthetic", None) for part in message.parts)
