"""A directory's whole set-up, loaded at once and kept until one of the files it came from changes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from oad.contract.catalogue import Agent, Command, Skill
from oad.contract.permission import PermissionRule

from ..environment import ENVIRONMENT
from .agents import default_agent, make_agents
from .commands import make_commands
from .instructions import Instruction, find_instructions, instruction_names, is_address, read_instruction
from .load import Loaded, load_config, load_global
from .places import Places, find_places, find_worktree
from .references import Reference, find_references
from .settings import Config
from .shell_choice import DEFAULT, find_shell
from .skills import find_skills
from .watch import Watch

_MAX_CACHED: Final = 16


class ProjectSetup(msgspec.Struct, frozen=True):
    """``worktree`` is the top of the git worktree that holds the directory, "/" without one. ``raw`` is the merged
    configuration as written, secrets included: it must not leave the worker unmasked, nor does ``global_raw``."""

    directory: str
    worktree: str
    places: Places
    config: Config
    raw: dict[str, Any]
    global_raw: dict[str, Any]  # the user's own configuration alone
    agents: dict[str, Agent]  # the default agent first, then by name; disabled ones are left out
    commands: dict[str, Command]
    skills: dict[str, Skill]
    problems: list[str]  # what was left out of the configuration, and why: for the log
    found_instructions: list[Instruction]
    instruction_names: tuple[str, ...]
    references: list[Reference] = []
    shell: str = DEFAULT

    def agent(self, name: str) -> Agent | None:
        return self.agents.get(name)

    def default_agent(self) -> Agent:
        """The configured one, else build, else the first that is primary and not hidden. Raises ApiError 400."""
        return default_agent(self.agents, self.config)

    def rules(self, agent: str | Agent) -> list[PermissionRule]:
        """The rules of an agent, defaults and configuration merged, in the order of evaluation (the last match wins).
        A session's own rules come after these. Raises KeyError for an unknown name."""
        known = agent if isinstance(agent, Agent) else self.agents[agent]
        return list(known.permission)

    def instructions(self) -> list[Instruction]:
        """AGENTS.md (or CLAUDE.md, CONTEXT.md) from the directory up to the worktree, the user's own, and the files of
        the key ``instructions``, each once, in this order."""
        return list(self.found_instructions)

    def instruction_addresses(self) -> list[str]:
        """The entries of ``instructions`` that are to be fetched from the network."""
        return [entry for entry in self.config.instructions if is_address(entry)]

    def instructions_near(self, file: Path) -> list[Instruction]:
        """The instruction files between a file that is read and the directory, nearest first, without those of
        ``instructions()``. Reads the disk each time."""
        known = {instruction.path for instruction in self.found_instructions} | {str(file)}
        top = Path(self.directory)
        between = [level for level in file.parents if level != top and top in level.parents]
        nearest = [self._instruction_in(level) for level in between]
        return [found for found in nearest if found and found.path not in known]

    def _instruction_in(self, folder: Path) -> Instruction | None:
        watch = Watch({})
        found = (read_instruction(watch, folder / name) for name in self.instruction_names)
        return next((instruction for instruction in found if instruction), None)


_cache: dict[tuple[str, tuple[str, ...], str], tuple[Watch, ProjectSetup]] = {}


def load(directory: str, *, readable: Sequence[str] = (), fetched: str = "") -> ProjectSetup:
    """The set-up of a directory; the same object as before when nothing it was made from has changed.

    ``readable``: directories outside the worktree that need no permission, such as that of truncated tool output;
    ``fetched``: where ``remote`` puts skills.
    Raises ApiError 400 (ConfigJsonError, ConfigInvalidError) for broken configuration."""
    key = (directory, tuple(readable), fetched)
    if (cached := _cache.get(key)) and cached[0].holds():
        return cached[1]
    watch = Watch(ENVIRONMENT)
    setup = _load(watch, Path(directory), list(readable), Path(fetched) if fetched else None)
    if cached and cached[1] == setup:
        setup = cached[1]  # touched, not changed: what others built upon it, such as connections, stays in use
    _cache.pop(key, None)
    while len(_cache) >= _MAX_CACHED:
        _cache.pop(next(iter(_cache)))
    _cache[key] = (watch, setup)
    return setup


def _load(watch: Watch, directory: Path, readable: list[str], fetched: Path | None) -> ProjectSetup:
    places = find_places(watch)
    worktree = find_worktree(watch, directory)
    loaded = load_config(watch, places, directory, worktree)
    skills = find_skills(watch, places, directory, worktree, loaded.config, loaded.problems, fetched)
    references = find_references(loaded.config, places, directory, worktree, loaded.problems)
    shell, problem = find_shell(loaded.config.shell, str(worktree), ENVIRONMENT)
    if problem:
        loaded.problems.append(problem)
    return ProjectSetup(
        directory=str(directory),
        worktree=str(worktree),
        places=places,
        config=loaded.config,
        raw=loaded.raw,
        global_raw=load_global(watch, places),
        agents=_make_agents(loaded, places, skills, references, readable),
        commands=make_commands(loaded.config, skills, worktree),
        skills=skills,
        problems=loaded.problems,
        found_instructions=find_instructions(watch, places, directory, worktree, loaded.config),
        instruction_names=instruction_names(watch),
        references=references,
        shell=shell,
    )


def _make_agents(
    loaded: Loaded, places: Places, skills: dict[str, Skill], references: list[Reference], readable: list[str]
) -> dict[str, Agent]:
    # The files beside a skill are part of it: reading them is no step outside.
    folders = [str(Path(skill.location).parent) for skill in skills.values()]
    folders += [reference.path for reference in references]
    return make_agents(loaded.config, loaded.raw, places.home, readable, folders)
