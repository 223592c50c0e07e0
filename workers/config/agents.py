"""The agents of a directory: the native ones, changed and added to by configuration."""

from collections.abc import Sequence
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from oad.contract.catalogue import Agent
from oad.contract.message import ModelReference
from oad.contract.permission import PermissionRule

from .failure import Issue, invalid
from .merge import merge
from .rules import default_rules, make_rules, tools_as_permission
from .settings import AgentSection, Config, Permission


class _Native(msgspec.Struct, frozen=True):
    mode: Literal["primary", "subagent"]
    permission: Permission = {}
    description: str | None = None
    hidden: bool | None = None
    temperature: float | None = None
    has_prompt: bool = True


_SEARCHING: Final[Permission] = {
    "*": "deny",
    "grep": "allow",
    "glob": "allow",
    "list": "allow",
    "bash": "allow",
    "webfetch": "allow",
    "websearch": "allow",
    "read": "allow",
}
_NATIVE: Final[dict[str, _Native]] = {
    "build": _Native(
        mode="primary",
        description="The agent for everyday work. Uses every tool that its permissions leave open.",
        permission={"question": "allow", "plan_enter": "allow"},
        has_prompt=False,
    ),
    "plan": _Native(
        mode="primary",
        description="Reads and plans, but changes no files.",
        permission={
            "question": "allow",
            "plan_exit": "allow",
            "task": {"general": "deny"},
            "edit": {"*": "deny", ".opencode/plans/*.md": "allow"},
        },
        has_prompt=False,
    ),
    "general": _Native(
        mode="subagent",
        description="Takes on a question or a task of several steps by itself; several can work side by side.",
        permission={"todowrite": "deny"},
        has_prompt=False,
    ),
    "explore": _Native(
        mode="subagent",
        description=(
            "Quickly finds its way in a code base: files by pattern, code by keyword, answers to how something works. "
            'Say how thorough it should be: "quick", "medium" or "very thorough".'
        ),
        permission=_SEARCHING,
    ),
    "compaction": _Native(mode="primary", hidden=True, permission={"*": "deny"}),
    "title": _Native(mode="primary", hidden=True, permission={"*": "deny"}, temperature=0.5),
    "summary": _Native(mode="primary", hidden=True, permission={"*": "deny"}),
}
_KNOWN_KEYS: Final = frozenset(field.encode_name for field in msgspec.structs.fields(AgentSection))


@lru_cache(maxsize=16)
def read_prompt(name: str) -> str:
    """A text that comes with oad, by its name without ``.md``. Raises FileNotFoundError."""
    return resources.files(__name__.rpartition(".")[0]).joinpath("prompts", f"{name}.md").read_text(encoding="utf-8")


def make_agents(
    config: Config, raw: dict[str, Any], home: Path, readable: Sequence[str], folders: Sequence[str] = ()
) -> dict[str, Agent]:
    """All agents but the disabled ones, the default one first, then by name. ``raw``: keys that are not known in an
    agent's section are options for its model calls. ``readable``: directories outside that are allowed last, after
    the configuration; ``folders``: such that are allowed first."""
    base = default_rules([*readable, *folders])
    configured = make_rules(config.permission, home)
    agents = {name: _native_agent(name, native, base, configured) for name, native in _NATIVE.items()}
    written: dict[str, dict[str, Any]] = raw.get("agent") or {}
    for name, section in config.agent.items():
        if section.disable:
            agents.pop(name, None)
            continue
        own = agents.get(name) or Agent(
            name=name, mode="all", native=False, permission=[*base, *configured], options={}
        )
        agents[name] = _configured_agent(own, section, written.get(name) or {}, home)
    for agent in agents.values():
        agent.permission += _always_readable(agent.permission, readable)
    return _ordered(agents, config)


def default_agent(agents: dict[str, Agent], config: Config) -> Agent:
    """The configured one, else build, else the first that a prompt may start with. Raises ApiError 400."""
    wanted = config.default_agent
    if wanted is None:
        usable = [agent for agent in agents.values() if _can_start(agent)]
        if not usable:
            raise invalid("agent", [Issue("Every primary agent is disabled or hidden", ["agent"])])
        return agents["build"] if agents.get("build") in usable else usable[0]
    if wanted not in agents:
        raise invalid("default_agent", [Issue(f"There is no agent {wanted!r}", ["default_agent"])])
    if not _can_start(agents[wanted]):
        raise invalid("default_agent", [Issue(f"{wanted!r} is a subagent or hidden", ["default_agent"])])
    return agents[wanted]


def parse_model(text: str) -> ModelReference:
    """``provider/model``; the model's id may itself hold slashes."""
    provider, _, model = text.partition("/")
    return ModelReference(provider_id=provider, model_id=model)


def _can_start(agent: Agent) -> bool:
    return agent.mode != "subagent" and not agent.hidden


def _native_agent(name: str, native: _Native, base: list[PermissionRule], configured: list[PermissionRule]) -> Agent:
    own = make_rules(native.permission, Path("/"))
    if name == "explore":
        own += [rule for rule in base if rule.permission == "external_directory"]
    return Agent(
        name=name,
        description=native.description,
        mode=native.mode,
        native=True,
        hidden=native.hidden,
        temperature=native.temperature,
        prompt=read_prompt(name) if native.has_prompt else None,
        permission=[*base, *own, *configured],
        options={},
    )


def _configured_agent(agent: Agent, section: AgentSection, written: dict[str, Any], home: Path) -> Agent:
    permission = merge(tools_as_permission(section.tools or {}), _as_map(section.permission))
    unknown = {key: value for key, value in written.items() if key not in _KNOWN_KEYS}
    changes: dict[str, Any] = {
        "model": parse_model(section.model) if section.model else None,
        "variant": section.variant,
        "prompt": section.prompt or None,
        "description": section.description,
        "temperature": section.temperature,
        "top_p": section.top_p,
        "mode": section.mode,
        "color": section.color,
        "hidden": section.hidden,
        "steps": section.steps or section.max_steps,
    }
    return msgspec.structs.replace(
        agent,
        permission=[*agent.permission, *make_rules(permission, home)],
        options=merge(agent.options, {**unknown, **(section.options or {})}),
        **{key: value for key, value in changes.items() if value is not None},
    )


def _as_map(permission: Permission | None) -> dict[str, Any]:
    return {"*": permission} if isinstance(permission, str) else dict(permission or {})


def _always_readable(rules: Sequence[PermissionRule], readable: Sequence[str]) -> list[PermissionRule]:
    """Directories of oad itself stay readable under a general denial, unless they are denied by their name."""
    denied = {rule.pattern for rule in rules if rule.permission == "external_directory" and rule.action == "deny"}
    patterns = [f"{directory}/*" for directory in readable]
    return [
        PermissionRule(permission="external_directory", pattern=pattern, action="allow")
        for pattern in patterns
        if pattern not in denied
    ]


def _ordered(agents: dict[str, Agent], config: Config) -> dict[str, Agent]:
    first = config.default_agent or "build"
    return {name: agents[name] for name in sorted(agents, key=lambda name: (name != first, name))}
