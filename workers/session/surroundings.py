"""What the prompt loop needs to know of its project at the start of a turn: agents, rules, models, tools."""

from pathlib import Path
from typing import Any, Protocol

from oad.contract.catalogue import Agent, Command, Model, Skill
from oad.contract.message import ModelReference
from oad.contract.permission import PermissionRule
from oad.contract.session import Tokens

from ..config.references import Reference
from ..providers.model import Endpoint, ModelClient
from ..tools.tool import Tool


class UnknownName(Exception):
    """Something was named that this project does not have; the text is for the client."""


class CompactionSettings(Protocol):
    auto: bool
    prune: bool
    reserved: int | None  # tokens kept free; None: by the model's output limit
    tail_turns: int | None  # so many of the last turns at most are kept beside a summary
    preserve_recent_tokens: int | None  # and so much of them; None: by the model's context


class Scene(Protocol):
    """One turn's view of the project. Built anew for each turn, because files and credentials change."""

    worktree: Path
    compaction: CompactionSettings
    share: str | None  # "auto": every session gets a link
    snapshots: bool  # whether the project wants its files kept
    services: dict[str, Any]  # handed to tools as they are

    def agent(self, name: str) -> Agent | None: ...
    def agents(self) -> list[Agent]: ...
    def default_agent(self) -> str: ...

    def rules(self, agent: Agent) -> list[PermissionRule]:
        """The built-in, configured and the agent's own rules, later ones win."""
        ...

    def instructions(self) -> list[str]:
        """Texts of AGENTS.md and the like, each with its source named."""
        ...

    def references(self) -> list[Reference]:
        """Directories outside of the project that its configuration points to."""
        ...

    def commands(self) -> dict[str, Command]: ...
    def skills(self) -> list[Skill]: ...

    def find_model(self, provider_id: str, model_id: str) -> tuple[Model, Endpoint]:
        """Raises UnknownName."""
        ...

    def default_model(self) -> ModelReference:
        """The configured model, or the first that can be reached. Raises UnknownName when there is none."""
        ...

    def small_model(self, provider_id: str) -> ModelReference | None:
        """A cheap model for titles; None: use the turn's own."""
        ...

    async def renew(self, provider_id: str) -> None:
        """Before a model call: has the provider's access token exchanged for a new one where it is about to end."""
        ...

    def client_for(self, endpoint: Endpoint) -> ModelClient: ...
    def cost_of(self, model: Model, tokens: Tokens) -> float: ...
    def tools(self, model: Model, agent: Agent) -> dict[str, Tool[Any]]:
        """Those that suit the model and the agent; permissions are the loop's business."""
        ...


class Surroundings(Protocol):
    async def scene(self, directory: str, credentials: dict[str, Any]) -> Scene:
        """Raises ApiError when the configuration is unusable."""
        ...
