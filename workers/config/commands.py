"""Slash commands: those that come with oad, the configured ones, and every skill."""

import re
from pathlib import Path

from oad.contract.catalogue import Command, Skill

from .agents import read_prompt
from .settings import Config

_NUMBERED = re.compile(r"\$\d+")


def make_commands(config: Config, skills: dict[str, Skill], worktree: Path) -> dict[str, Command]:
    """By name, in the order in which clients list them; a configured command hides a skill of its name."""
    found = [
        _command("init", read_prompt("init").replace("${path}", str(worktree)), "write or improve AGENTS.md"),
        _command("review", read_prompt("review"), "review changes: a commit, a branch, a pull request", subtask=True),
    ]
    found += [
        _command(name, section.template, section.description, section.agent, section.model, section.subtask)
        for name, section in config.command.items()
    ]
    commands = {command.name: command for command in found}
    for skill in skills.values():
        commands.setdefault(skill.name, _skill_command(skill))
    return commands


def find_hints(template: str) -> list[str]:
    """The placeholders of a template: the numbered ones in order, then ``$ARGUMENTS``."""
    numbered = sorted(set(_NUMBERED.findall(template)), key=lambda hint: (len(hint), hint))
    return [*numbered, "$ARGUMENTS"] if "$ARGUMENTS" in template else numbered


def _command(
    name: str,
    template: str,
    description: str | None,
    agent: str | None = None,
    model: str | None = None,
    subtask: bool | None = None,
) -> Command:
    return Command(
        name=name,
        template=template,
        hints=find_hints(template),
        description=description,
        agent=agent,
        model=model,
        source="command",
        subtask=subtask,
    )


def _skill_command(skill: Skill) -> Command:
    folder = Path(skill.location).parent
    template = f"{skill.content}\n\nThe skill lies in {folder}; relative paths in it start there."
    return Command(name=skill.name, description=skill.description, source="skill", template=template, hints=[])
