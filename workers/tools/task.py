"""The tool that gives work to another agent, in a session of its own."""

from collections.abc import Sequence
from typing import Annotated, Any, cast

import msgspec
import trio
from msgspec import Meta

from oad.contract.catalogue import Agent
from oad.contract.errors import ApiError
from oad.contract.message import AssistantMessage, MessageWithParts, ModelReference, TextPart
from oad.contract.permission import PermissionRule
from oad.contract.prompt import PromptInput, TextInput
from oad.contract.sandbox import SandboxWish
from oad.contract.session import Session, SessionCreate

from .shortening import shorten
from .tool import ToolArgs, ToolContext, ToolFailed, ToolResult

_USUAL_DEPTH = 1  # subagents give no tasks
_ABORT_S = 0.4  # less than the time after which this worker itself is killed


class TaskArgs(ToolArgs, rename=None):
    description: Annotated[str, Meta(description="The task in three to five words")]
    prompt: Annotated[str, Meta(description="What the agent shall do, in full")]
    subagent_type: Annotated[str, Meta(description="Which agent shall do it")]
    task_id: Annotated[str, Meta(description="Id of an earlier task, only to go on with that one")] | None = None
    command: Annotated[str, Meta(description="The command that led to this task")] | None = None


class TaskTool:
    name = "task"
    args = TaskArgs
    description = """\
Lets another agent do a task with many steps by itself, in a session of its own, and returns its last message.

- Give several tasks in one message where they are independent; they run side by side. Do not do the same work yourself.
- The agent knows nothing of this conversation: say in the prompt all it needs, whether it is to change files or only \
to look, how to check the work, and exactly what it shall report.
- The user does not see the report: tell them what matters in it. It comes with a task id; give that as `task_id` to \
go on with the same agent, which still knows what it did.
- Do not use it to read a known file or find a known name: read, glob and grep are quicker."""

    async def run(self, args: TaskArgs, context: ToolContext) -> ToolResult:
        """The service ``subagents`` lists the agents on offer; ``model`` is the reference of the caller's model."""
        depth, deepest = _depth(context)
        if depth >= deepest:
            hint = 'Increase "subagent_depth" to allow nested subagents.'
            raise ToolFailed(f"Subagent depth limit reached ({deepest}). {hint}")
        agent = _agent(context, args.subagent_type)
        asked = {"description": args.description, "subagent_type": agent.name}
        await context.ask("task", [agent.name], always=["*"], metadata=asked)
        model: ModelReference | None = agent.model or context.services.get("model")
        child = await _child(args, agent, context)
        metadata: dict[str, Any] = {"parentSessionId": context.session_id, "sessionId": child}
        if model is not None:
            metadata["model"] = {"modelID": model.model_id, "providerID": model.provider_id}
        await context.progress(args.description, metadata)
        shown = await shorten(context, await _prompt(child, args.prompt, agent, model, context))
        output = f'<task id="{child}" state="completed">\n<task_result>\n{shown.text}\n</task_result>\n</task>'
        return ToolResult(args.description, output, {**metadata, "truncated": shown.truncated})


def describe(agents: Sequence[Agent]) -> str:
    """The description for the model, with the agents on offer."""
    listed = "\n".join(f"- {each.name}: {each.description or 'No description.'}" for each in agents)
    return f"{TaskTool.description}\n\nAgents:\n{listed}"


def _agent(context: ToolContext, name: str) -> Agent:
    agents: Sequence[Agent] = context.services.get("subagents") or ()
    for agent in agents:
        if agent.name == name:
            return agent
    raise ToolFailed(f"Unknown agent type: {name} is not a valid agent type")


async def _child(args: TaskArgs, agent: Agent, context: ToolContext) -> str:
    """The id of the session in which the agent works: the one named, or a new one that may not give tasks in turn."""
    if args.task_id:
        return await _earlier(args.task_id, context)
    wanted = SessionCreate(
        parent_id=context.session_id,
        title=f"{args.description} (@{agent.name} subagent)",
        agent=agent.name,
        permission=_restrictions(agent, may_nest=_may_nest(context)),
        sandbox=SandboxWish(profile=context.confinement.profile),
    )
    return await _session(context, "session.create", {"directory": str(context.directory)}, msgspec.json.encode(wanted))


async def _earlier(task_id: str, context: ToolContext) -> str:
    try:
        reply = await context.call("session.get", {"sessionID": task_id}, b"")
    except ApiError as error:
        raise ToolFailed(f"There is no task {task_id}.") from error
    session = msgspec.json.decode(reply, type=Session)
    if session.parent_id != context.session_id:  # else any session of the host could be prompted
        raise ToolFailed(f"There is no task {task_id} of this session.")
    return session.id


async def _session(context: ToolContext, op: str, params: dict[str, str], body: bytes) -> str:
    try:
        return msgspec.json.decode(await context.call(op, params, body), type=Session).id
    except ApiError as error:
        raise ToolFailed(f"The task could not be started: {_reason(error.body)}") from error


def _depth(context: ToolContext) -> tuple[int, int]:
    """How deep the calling session is below a person's, and how deep tasks may be given at all."""
    wanted = context.services.get("subagent_depth")
    return context.services.get("depth") or 0, _USUAL_DEPTH if wanted is None else wanted


def _may_nest(context: ToolContext) -> bool:
    depth, deepest = _depth(context)
    return depth + 1 < deepest


def _restrictions(agent: Agent, *, may_nest: bool) -> list[PermissionRule]:
    """A subagent gives no tasks unless its own rules speak of them, or the configuration allows a deeper nesting."""
    if may_nest or any(rule.permission == "task" for rule in agent.permission):
        return []
    return [PermissionRule(permission="task", pattern="*", action="deny")]


async def _prompt(child: str, text: str, agent: Agent, model: ModelReference | None, context: ToolContext) -> str:
    """The agent's last words."""
    body = msgspec.json.encode(PromptInput(parts=[TextInput(text=text)], agent=agent.name, model=model))
    params = {"sessionID": child}
    try:
        reply = await context.call("session.prompt", params, body)
    except ApiError as error:
        raise ToolFailed(f"Task {child} failed: {_reason(error.body)}") from error
    except BaseException:
        # Cancelled: the child stops with its parent. The daemon sees to that too; here it happens at once.
        with trio.move_on_after(_ABORT_S, shield=True):
            await context.call("session.abort", params, b"")
        raise
    message = msgspec.json.decode(reply, type=MessageWithParts)
    if isinstance(message.info, AssistantMessage) and message.info.error is not None:
        failure = message.info.error
        raise ToolFailed(f"Task {child} failed: {failure.data.get('message') or failure.name}")
    texts = [part.text for part in message.parts if isinstance(part, TextPart)]
    return texts[-1] if texts else ""


def _reason(body: dict[str, Any]) -> str:
    data = cast("dict[str, Any]", body["data"]) if isinstance(body.get("data"), dict) else body
    return str(data.get("message") or body.get("message") or body.get("name") or body.get("_tag") or "unknown error")
