"""The built-in model: no network, no key. It says what it is, and does a few real things when told to."""

import trio

from .demo_commands import ToolPlan, comment_on, read_commands
from .model import (
    ChatMessage,
    Emit,
    ModelRequest,
    StepFinish,
    TextContent,
    TextDelta,
    TextEnd,
    TextStart,
    ToolInputDelta,
    ToolInputEnd,
    ToolInputStart,
    ToolOutcome,
    ToolUse,
)
from .usage import count_tokens

WORD_S = 0.01
CHARACTERS_PER_TOKEN = 4
TITLE_LENGTH = 50

INTRODUCTION = """\
I am oad's built-in demo: a small program, not a language model. Everything around me is real, though: \
the tools I call, the permissions, the events and the stop button.

Tell me one of these, one per line:
- run <command>
- list files
- read <file>
- write <file>: <text>
- todo <first>, <second>
- ask me <question>

For a real model, set a key such as ANTHROPIC_API_KEY or OPENAI_API_KEY before starting oad, or name a provider in \
opencode.json, for instance a local server:

{"model": "local/my-model", "provider": {"local": {"npm": "@ai-sdk/openai-compatible", \
"options": {"baseURL": "http://127.0.0.1:11434/v1"}, "models": {"my-model": {}}}}}
"""


class Demo:
    """A ModelClient. The same request gets the same answer."""

    async def stream(self, request: ModelRequest, emit: Emit) -> None:
        text, plans = decide(request)
        await _say(text, _pause_s(request), emit)
        for number, plan in enumerate(plans):
            await _call(f"call_demo_{len(request.messages)}_{number}", plan, emit)
        output = text + "".join(plan.raw for plan in plans)
        tokens = count_tokens(prompt=_size(_everything(request)), completion=_size(output))
        await emit(StepFinish("tool-calls" if plans else "stop", tokens))

    async def aclose(self) -> None:
        pass


def decide(request: ModelRequest) -> tuple[str, list[ToolPlan]]:
    """What to say, and which tools to call after it."""
    asked = _last_question(request.messages)
    if not request.tools and request.system:
        instructions = " ".join(request.system).lower()
        if "title" in instructions:
            return make_title(asked), []
        if "summar" in instructions:
            return f"The conversation so far, in {len(request.messages)} messages. It began with: {asked[:500]}", []
    if outcomes := _fresh_outcomes(request.messages):
        return "\n\n".join(comment_on(outcome) for outcome in outcomes), []
    plans = read_commands(asked)
    offered = {tool.name for tool in request.tools}
    if missing := sorted({plan.tool for plan in plans} - offered):
        return f"That needs the tool {', '.join(missing)}, which I am not offered here.", []
    if plans:
        return f"As the demo, I call {' and '.join(plan.tool for plan in plans)} for that.", plans
    return INTRODUCTION, []


def make_title(text: str) -> str:
    words = text.split()
    title = ""
    for word in words:
        if len(title) + len(word) + 1 > TITLE_LENGTH:
            break
        title = f"{title} {word}".strip()
    title = title or text.strip()[:TITLE_LENGTH] or "Demo"
    return title[:1].upper() + title[1:]


def _last_question(messages: list[ChatMessage]) -> str:
    """The first text of the last user message: what follows it may be attached files."""
    for message in reversed(messages):
        if message.role == "user":
            for item in message.content:
                if isinstance(item, TextContent) and item.text.strip():
                    return item.text
    return ""


def _fresh_outcomes(messages: list[ChatMessage]) -> list[ToolOutcome]:
    """Outcomes of the tools called last, when nobody has said anything since."""
    if not messages or messages[-1].role != "tool":
        return []
    return [item for item in messages[-1].content if isinstance(item, ToolOutcome)]


async def _say(text: str, pause_s: float, emit: Emit) -> None:
    await emit(TextStart("txt_1"))
    for word in text.splitlines(keepends=True) if pause_s == 0 else _words(text):
        await emit(TextDelta("txt_1", word))
        await trio.sleep(pause_s)
    await emit(TextEnd("txt_1"))


def _words(text: str) -> list[str]:
    pieces = text.split(" ")
    return [piece + " " for piece in pieces[:-1]] + pieces[-1:]


async def _call(call_id: str, plan: ToolPlan, emit: Emit) -> None:
    await emit(ToolInputStart(call_id, plan.tool))
    await emit(ToolInputDelta(call_id, plan.raw))
    await emit(ToolInputEnd(call_id, plan.tool, plan.raw))


def _pause_s(request: ModelRequest) -> float:
    """The option ``wordDelay``, milliseconds."""
    delay = request.options.get("wordDelay")
    return delay / 1000 if isinstance(delay, int | float) and delay >= 0 else WORD_S


def _size(text: str) -> int:
    return -(-len(text) // CHARACTERS_PER_TOKEN)


def _everything(request: ModelRequest) -> str:
    texts = list(request.system)
    for message in request.messages:
        for item in message.content:
            if isinstance(item, TextContent):
                texts.append(item.text)
            elif isinstance(item, ToolOutcome):
                texts.append(item.output)
            elif isinstance(item, ToolUse):
                texts.append(str(item.input))
    return "".join(texts)
