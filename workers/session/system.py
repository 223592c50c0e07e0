"""The system prompt of a step: who the model is, where it works, and what the project and the user ask of it."""

import platform
from datetime import date, datetime
from pathlib import Path

from oad.contract.catalogue import Agent, Model, Skill
from oad.contract.message import OutputJsonSchema, UserMessage

from ..config.references import Reference
from .surroundings import Scene
from .texts import STRUCTURED, SYSTEM


def system_prompt(scene: Scene, agent: Agent, model: Model, directory: str, user: UserMessage) -> list[str]:
    """One text per concern. The stable ones come first, so that providers can cache them."""
    texts = [
        agent.prompt or SYSTEM,
        environment(scene.worktree, directory, model),
        *scene.instructions(),
        references_listing(scene.references()),
        skills_listing(scene.skills()),
        user.system or "",
        STRUCTURED if isinstance(user.format, OutputJsonSchema) else "",
    ]
    return ["\n".join(text for text in texts if text)]


def environment(worktree: Path, directory: str, model: Model, today: date | None = None) -> str:
    git = "yes" if (worktree / ".git").exists() else "no"
    today = today or datetime.now().astimezone().date()
    return (
        f"You are powered by the model {model.name} ({model.provider_id}/{model.id}).\n"
        "<env>\n"
        f"  Working directory: {directory}\n"
        f"  Workspace root: {worktree}\n"
        f"  Git repository: {git}\n"
        f"  Platform: {platform.system().lower()}\n"
        f"  Date: {today:%a %b %d %Y}\n"
        "</env>"
    )


def references_listing(references: list[Reference]) -> str:
    shown = [each for each in references if not each.hidden]
    if not shown:
        return ""
    entries = "\n".join(
        f"- {each.name}: {each.path}{f' ({each.description})' if each.description else ''}" for each in shown
    )
    return f"Further directories that belong to this work; you may read them:\n{entries}"


def skills_listing(skills: list[Skill]) -> str:
    if not skills:
        return ""
    entries = "\n".join(
        f"  <skill>\n    <name>{skill.name}</name>\n    <description>{skill.description}</description>\n"
        f"    <location>{skill.location}</location>\n  </skill>"
        for skill in sorted(skills, key=lambda skill: skill.name)
    )
    return (
        "Skills hold instructions for particular tasks. Load one with the skill tool when its description fits.\n"
        f"<available_skills>\n{entries}\n</available_skills>"
    )
