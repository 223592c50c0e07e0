"""The tool that loads a skill."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from msgspec import Meta

from oad.contract.catalogue import Skill

from .in_thread import in_thread
from .shortening import shorten
from .tool import ToolArgs, ToolContext, ToolFailed, ToolResult

_SAMPLED_FILES = 10


class SkillArgs(ToolArgs):
    name: Annotated[str, Meta(description="The skill's name, as listed in the system prompt")]


class SkillTool:
    name = "skill"
    args = SkillArgs
    description = """\
Loads a skill: instructions for a kind of task, written for this project or by this user, with the files that belong \
to them.

Use it when the task is of the kind that a skill listed in the system prompt describes."""

    async def run(self, args: SkillArgs, context: ToolContext) -> ToolResult:
        """The service ``skills`` maps names to Skill records."""
        skills: Mapping[str, Skill] = context.services.get("skills") or {}
        skill = skills.get(args.name)
        if skill is None:
            names = ", ".join(sorted(skills)) or "none"
            raise ToolFailed(f'Skill "{args.name}" not found. Available skills: {names}')
        await context.ask("skill", [args.name], always=[args.name], metadata={})
        directory = Path(skill.location).parent
        shown = await shorten(context, skill.content.strip())
        files = await in_thread(_sample, directory)
        metadata = {"name": skill.name, "dir": str(directory), "truncated": shown.truncated}
        return ToolResult(f"Loaded skill: {skill.name}", _compose(skill.name, shown.text, directory, files), metadata)


def _compose(name: str, content: str, directory: Path, files: list[str]) -> str:
    listed = "\n".join(f"<file>{each}</file>" for each in files)
    return f"""\
<skill_content name="{name}">
# Skill: {name}

{content}

Base directory for this skill: {directory}
Paths in it that are not absolute start there. Some of its files:

<skill_files>
{listed}
</skill_files>
</skill_content>"""


def _sample(directory: Path) -> list[str]:
    """A few of the skill's own files. Blocks."""
    found: list[str] = []
    if not directory.is_absolute():  # a skill that is built in has none
        return found
    for folder, folders, names in os.walk(directory):
        folders[:] = sorted(each for each in folders if not each.startswith(".") and each != "node_modules")
        found += [f"{folder}/{name}" for name in sorted(names) if name != "SKILL.md"]
        if len(found) >= _SAMPLED_FILES:
            break
    return [each.encode("utf-8", "surrogateescape").decode("utf-8", "replace") for each in found[:_SAMPLED_FILES]]
