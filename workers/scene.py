"""One turn's view of a project, put together from configuration, providers and tools. See session.surroundings."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from oad.contract.catalogue import Agent, Command, Model, Skill
from oad.contract.errors import named
from oad.contract.message import ModelReference
from oad.contract.permission import PermissionRule
from oad.contract.policy import DEFAULT_SHELL, ShellPolicy
from oad.contract.redact import KNOWN
from oad.contract.session import Tokens

from .config.complaints import Complaints
from .config.instructions import Instruction
from .config.masking import find_secrets
from .config.project import ProjectSetup
from .config.references import Reference
from .config.remote import Remote
from .config.tuning import BASH_TIMEOUT_MS, positive, shows_questions
from .environment import ENVIRONMENT
from .formatters.choice import formatters_of
from .key_ring import AskKeys, KeyRing
from .lsp.choice import serves
from .models import held_catalogue
from .providers.cost import dollars
from .providers.listed import NONE
from .providers.model import Endpoint, ModelClient
from .providers.registry import ModelNotFound, Registry
from .session.mcp import Borrow, Lent
from .session.surroundings import CompactionSettings, Scene, UnknownName
from .tools.table import available
from .tools.tool import Tool


class Compaction(msgspec.Struct):
    auto: bool
    prune: bool
    reserved: int | None
    tail_turns: int | None
    preserve_recent_tokens: int | None


class ProjectScene:
    def __init__(
        self, setup: ProjectSetup, keys: KeyRing, shell: ShellPolicy, lent: Lent, fetched: Sequence[Instruction] = ()
    ) -> None:
        self._setup = setup
        self._fetched = fetched
        self._keys = keys
        self._lent = lent
        settings = setup.config.compaction
        self.worktree = Path(setup.worktree)
        self.compaction: CompactionSettings = Compaction(
            settings.auto, settings.prune, settings.reserved, settings.tail_turns, settings.preserve_recent_tokens
        )
        self.share: str | None = setup.config.share
        self.snapshots = setup.config.snapshot is not False
        self.services: dict[str, Any] = {
            "skills": setup.skills,
            "subagents": [agent for agent in setup.agents.values() if agent.mode != "primary" and not agent.hidden],
            "instructions_near": setup.instructions_near,
            "formatters": formatters_of(setup, shell),
            "language": partial(serves, setup.config.lsp),
            "mcp_prompts": lent.prompts,
            "tool_output": setup.config.tool_output,
            "images": setup.config.attachment.image,
            "shell": setup.shell,
            "subagent_depth": setup.config.subagent_depth,
            "bash_timeout_ms": positive(ENVIRONMENT, BASH_TIMEOUT_MS),
        }

    def agent(self, name: str) -> Agent | None:
        return self._setup.agent(name)

    def agents(self) -> list[Agent]:
        return list(self._setup.agents.values())

    def default_agent(self) -> str:
        return self._setup.default_agent().name

    def rules(self, agent: Agent) -> list[PermissionRule]:
        return self._setup.rules(agent)

    def instructions(self) -> list[str]:
        found = (*self._setup.instructions(), *self._fetched)
        return [f"Instructions from: {each.path}\n{each.text}" for each in found]

    def references(self) -> list[Reference]:
        return self._setup.references

    def commands(self) -> dict[str, Command]:
        return {**self._lent.commands(), **self._setup.commands}

    def skills(self) -> list[Skill]:
        return list(self._setup.skills.values())

    def find_model(self, provider_id: str, model_id: str) -> tuple[Model, Endpoint]:
        try:
            return self._keys.registry.find(provider_id, model_id)
        except ModelNotFound as error:
            raise UnknownName(error.explain()) from error

    def default_model(self) -> ModelReference:
        try:
            provider_id, model_id = self._keys.registry.default_model()
        except ModelNotFound as error:
            raise UnknownName("No model is configured, and no provider is connected") from error
        return ModelReference(provider_id=provider_id, model_id=model_id)

    def small_model(self, provider_id: str) -> ModelReference | None:
        found = self._keys.registry.small_model(provider_id)
        return ModelReference(provider_id=found[0], model_id=found[1]) if found else None

    async def renew(self, provider_id: str) -> None:
        await self._keys.renew(provider_id)

    def client_for(self, endpoint: Endpoint) -> ModelClient:
        return self._keys.registry.client_for(endpoint)

    def cost_of(self, model: Model, tokens: Tokens) -> float:
        return dollars(tokens, model.cost)

    def tools(self, model: Model, agent: Agent) -> dict[str, Tool[Any]]:
        own = {tool.name: tool for tool in available(model.id)}
        if not shows_questions(ENVIRONMENT):
            own.pop("question", None)
        return {**self._lent.tools, **own}


class Registries:
    """Keeps a registry, and its clients' open connections, while configuration and credentials stay the same."""

    def __init__(self) -> None:
        self._setup: ProjectSetup | None = None
        self._credentials: dict[str, Any] = {}
        self._catalogue = NONE
        self._registry: Registry | None = None

    def of(self, setup: ProjectSetup, credentials: dict[str, Any]) -> Registry:
        """Raises ApiError 400 for provider settings of wrong types."""
        catalogue = held_catalogue()
        same = setup is self._setup and credentials == self._credentials and catalogue is self._catalogue
        if self._registry is None or not same:
            try:
                self._registry = Registry.from_config(setup.raw, ENVIRONMENT, credentials, catalogue)
                KNOWN.learn(find_secrets(setup.raw))
            except msgspec.ValidationError as error:
                raise named(400, "ConfigInvalidError", message=str(error), path="provider") from error
            self._setup, self._credentials, self._catalogue = setup, credentials, catalogue
        return self._registry


class ProjectSurroundings:
    """Builds the scene of each turn. ``readable``: directories outside the project that need no permission;
    ``shell``: what configured programs must not be."""

    def __init__(
        self,
        readable: tuple[str, ...],
        ask_keys: AskKeys,
        borrow: Borrow,
        shell: ShellPolicy = DEFAULT_SHELL,
        remote: Remote | None = None,
    ) -> None:
        self._remote = remote or Remote()
        self._borrow = borrow
        self._readable = readable
        self._ask_keys = ask_keys
        self._shell = shell
        self._registries = Registries()
        self._complaints: dict[str, Complaints] = {}

    async def scene(self, directory: str, credentials: dict[str, Any]) -> Scene:
        complaints = self._complaints.setdefault(directory, Complaints(directory))
        with complaints.about_failures():
            setup = await self._remote.load(directory, self._readable)
            fetched = await self._remote.instructions(setup.instruction_addresses())
            keys = KeyRing(setup, credentials, self._registries.of, self._ask_keys)
        complaints.tell([*setup.problems, *keys.registry.warnings])
        lent = await self._borrow(configured=bool(setup.config.mcp))
        return ProjectScene(setup, keys, self._shell, lent, fetched)
