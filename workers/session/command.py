"""Named commands: templates with arguments, shell output and files, which become a prompt."""

import re
from pathlib import Path
from typing import Final

import trio

from oad.contract.catalogue import Agent, Command
from oad.contract.message import ModelReference
from oad.contract.prompt import AgentInput, CommandInput, FileInput, PartInput, PromptInput, SubtaskInput, TextInput

from ..config.shell_choice import DEFAULT
from ..exec import Command as Program
from ..exec import ExecFailed
from ..restriction.decision import decide
from ..tools.environment import command_environment
from .mcp import prompt_text
from .surroundings import UnknownName
from .turn import Turn

_ARGUMENT: Final = re.compile(r"\"[^\"]*\"|'[^']*'|[^\s\"']+")
_PLACE: Final = re.compile(r"\$(\d+)")
_SHELL: Final = re.compile(r"!`([^`]+)`")
_MENTION: Final = re.compile(r"(?<![\w`])@(\.?[^\s`,.]*(?:\.[^\s`,.]+)*)")
_SHELL_TIMEOUT_S: Final = 60.0


async def expand_command(turn: Turn, input: CommandInput) -> PromptInput:
    """The prompt that a command stands for. Raises UnknownName for what it names and the project does not have."""
    command = find_command(turn, input.command)
    agent = turn.agent(command.agent or input.agent or turn.scene.default_agent())
    model = parse_model(command.model) or agent.model if command.agent else parse_model(command.model)
    model = model or parse_model(input.model)
    if model is not None:
        turn.scene.find_model(model.provider_id, model.model_id)
    text, naming = await _text(turn, command, agent, input.arguments)
    extra = list[PartInput](input.parts or [])
    if is_subtask(command, agent):
        subtask = SubtaskInput(
            agent=agent.name,
            description=command.description or "",
            command=command.name,
            model=model or turn.scene.default_model(),
            prompt=text,
        )
        return PromptInput(
            parts=[subtask, *extra], message_id=input.message_id, agent=input.agent, model=parse_model(input.model)
        )
    return PromptInput(
        parts=[TextInput(text=text), *mentions(turn, naming), *extra],
        message_id=input.message_id,
        agent=agent.name,
        model=model,
        variant=input.variant,
    )


async def _text(turn: Turn, command: Command, agent: Agent, arguments: str) -> tuple[str, str]:
    """The prompt, and what of it may name files: not what a program or a server has said."""
    prompt = turn.services.get("mcp_prompts", {}).get(command.name) if command.source == "mcp" else None
    if prompt is not None:  # the server fills in the arguments; nothing that it says is run here
        return await prompt_text(turn.link, prompt, words_of(arguments)), arguments
    pieces = fill(command.template, arguments)
    done = await run_shells(turn, agent, pieces)
    return "".join(done).strip(), "\n".join(pieces[::2])


def words_of(arguments: str) -> list[str]:
    """What was given, split at blanks that are not quoted."""
    return [word.strip("\"'") for word in _ARGUMENT.findall(arguments)]


def find_command(turn: Turn, name: str) -> Command:
    commands = turn.scene.commands()
    if name not in commands:
        raise UnknownName(f'Command not found: "{name}". Available commands: {", ".join(commands)}')
    return commands[name]


def is_subtask(command: Command, agent: Agent) -> bool:
    if command.subtask is not None:
        return command.subtask
    return agent.mode == "subagent"


def parse_model(text: str | None) -> ModelReference | None:
    if not text:
        return None
    provider, _, model = text.partition("/")
    return ModelReference(provider_id=provider, model_id=model)


def fill(template: str, arguments: str) -> list[str]:
    """The text of a template in pieces, every second of which is a shell command: ``$ARGUMENTS`` stands for all that
    was given, ``$1`` for the first word, the highest number for the rest. A command is one of the template's: what
    looks like one in the arguments is text."""
    words = words_of(arguments)
    last = max((int(number) for number in _PLACE.findall(template)), default=0)

    def place(match: re.Match[str]) -> str:
        number = int(match[1])
        if number == 0 or number > len(words):
            return ""
        return " ".join(words[number - 1 :]) if number == last else words[number - 1]

    pieces = [_PLACE.sub(place, piece).replace("$ARGUMENTS", arguments) for piece in _SHELL.split(template)]
    if not last and "$ARGUMENTS" not in template and arguments.strip():
        pieces[-1] += f"\n\n{arguments}"
    return pieces


async def run_shells(turn: Turn, agent: Agent, pieces: list[str]) -> list[str]:
    """The pieces with what their commands print, which run side by side."""
    done = list(pieces)

    async def run(position: int) -> None:
        done[position] = await _output_of(turn, agent, pieces[position])

    async with trio.open_nursery() as nursery:
        for position in range(1, len(pieces), 2):
            nursery.start_soon(run, position)
    return done


async def _output_of(turn: Turn, agent: Agent, command: str) -> str:
    refusal = decide(command, turn.session.directory, turn.spec.shell)
    if refusal.rule:  # a client's arguments may stand in it
        return f"Error: {refusal.message}"
    chunks: list[bytes] = []

    async def take(chunk: bytes) -> None:
        chunks.append(chunk)

    program = Program(
        argv=[turn.services.get("shell") or DEFAULT, "-c", command],
        cwd=turn.session.directory,
        env=command_environment(),
        shown=command,
    )
    try:
        await turn.exec_for(agent).run(program, on_stdout=take, timeout_s=_SHELL_TIMEOUT_S)
    except ExecFailed as failed:
        return f"Error: {failed}"
    return b"".join(chunks).decode(errors="replace").rstrip("\n")


def mentions(turn: Turn, text: str) -> list[PartInput]:
    """The files and agents that a text names with @, each once."""
    found: list[PartInput] = []
    for name in dict.fromkeys(match for match in _MENTION.findall(text) if match):
        path = _resolve(turn, name)
        if path.is_dir():
            found.append(FileInput(mime="application/x-directory", url=path.as_uri(), filename=name))
        elif path.is_file():
            found.append(FileInput(mime="text/plain", url=path.as_uri(), filename=name))
        elif turn.scene.agent(name) is not None:
            found.append(AgentInput(name=name))
    return found


def _resolve(turn: Turn, name: str) -> Path:
    path = Path(name).expanduser()
    return path if path.is_absolute() else turn.scene.worktree / path
