"""Named commands: templates with arguments, shell output and files, which become a prompt."""

import re
from pathlib import Path
from typing import Final

from oad.contract.catalogue import Agent, Command
from oad.contract.message import ModelReference
from oad.contract.prompt import AgentInput, CommandInput, FileInput, PartInput, PromptInput, SubtaskInput, TextInput

from ..exec import Command as Program
from ..exec import ExecFailed
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
    text = await _text(turn, command, input.arguments)
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
        parts=[TextInput(text=text), *mentions(turn, text), *extra],
        message_id=input.message_id,
        agent=agent.name,
        model=model,
        variant=input.variant,
    )


async def _text(turn: Turn, command: Command, arguments: str) -> str:
    prompt = turn.services.get("mcp_prompts", {}).get(command.name) if command.source == "mcp" else None
    if prompt is not None:  # the server fills in the arguments; nothing that it says is run here
        return await prompt_text(turn.link, prompt, words_of(arguments))
    return await run_shells(turn, fill(command.template, arguments))


def words_of(arguments: str) -> list[str]:
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


def fill(template: str, arguments: str) -> str:
    """Puts arguments in: ``$ARGUMENTS`` is all of them, ``$1`` the first; the highest number takes the rest."""
    words = words_of(arguments)
    last = max((int(number) for number in _PLACE.findall(template)), default=0)

    def place(match: re.Match[str]) -> str:
        number = int(match[1])
        if number == 0 or number > len(words):
            return ""
        return " ".join(words[number - 1 :]) if number == last else words[number - 1]

    filled = _PLACE.sub(place, template).replace("$ARGUMENTS", arguments)
    if not last and "$ARGUMENTS" not in template and arguments.strip():
        filled = f"{filled}\n\n{arguments}"
    return filled.strip()


async def run_shells(turn: Turn, text: str) -> str:
    """Replaces ``!`command` `` by what the command prints."""
    pieces: list[str] = []
    end = 0
    for match in _SHELL.finditer(text):
        pieces += [text[end : match.start()], await _output_of(turn, match[1])]
        end = match.end()
    return "".join([*pieces, text[end:]]).strip()


async def _output_of(turn: Turn, command: str) -> str:
    chunks: list[bytes] = []

    async def take(chunk: bytes) -> None:
        chunks.append(chunk)

    program = Program(argv=["/bin/bash", "-c", command], cwd=turn.session.directory, env=command_environment())
    try:
        await turn.exec.run(program, on_stdout=take, timeout_s=_SHELL_TIMEOUT_S)
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
