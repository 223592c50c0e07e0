"""Providers, models, agents, commands and projects, as clients list them."""

from typing import Any, Literal

import msgspec

from .message import ModelReference
from .permission import PermissionRule
from .wire_model import WireModel


class Modalities(WireModel):
    text: bool
    audio: bool
    image: bool
    video: bool
    pdf: bool


class Interleaved(WireModel):
    field: str


class Capabilities(WireModel):
    temperature: bool
    reasoning: bool
    attachment: bool
    toolcall: bool
    input: Modalities
    output: Modalities
    interleaved: bool | Interleaved


class CacheCost(WireModel):
    read: float
    write: float


class Cost(WireModel):
    """US dollars per million tokens."""

    input: float
    output: float
    cache: CacheCost


class Limit(WireModel):
    context: int
    output: int
    input: int | None = None


class ModelApi(WireModel):
    id: str
    url: str
    npm: str


class Model(WireModel):
    id: str
    provider_id: str
    api: ModelApi
    name: str
    capabilities: Capabilities
    cost: Cost
    limit: Limit
    status: Literal["alpha", "beta", "deprecated", "active"]
    options: dict[str, Any]
    headers: dict[str, str]
    release_date: str = msgspec.field(name="release_date")
    family: str | None = None
    variants: dict[str, dict[str, Any]] | None = None


class Provider(WireModel):
    id: str
    name: str
    source: Literal["env", "config", "custom", "api"]
    env: list[str]
    options: dict[str, Any]
    models: dict[str, Model]
    key: str | None = None


class ProviderList(WireModel):
    all: list[Provider]
    default: dict[str, str]
    connected: list[str]


class ConfigProviders(WireModel):
    providers: list[Provider]
    default: dict[str, str]


class Agent(WireModel):
    name: str
    mode: Literal["subagent", "primary", "all"]
    permission: list[PermissionRule]
    options: dict[str, Any]
    description: str | None = None
    native: bool | None = None
    hidden: bool | None = None
    top_p: float | None = None
    temperature: float | None = None
    color: str | None = None
    model: ModelReference | None = None
    variant: str | None = None
    prompt: str | None = None
    steps: int | None = None


class Command(WireModel):
    name: str
    template: str
    hints: list[str]
    description: str | None = None
    agent: str | None = None
    model: str | None = None
    source: Literal["command", "mcp", "skill"] | None = None
    subtask: bool | None = None


class Skill(WireModel):
    name: str
    description: str
    location: str
    content: str


class ProjectIcon(WireModel):
    url: str | None = None
    override: str | None = None
    color: str | None = None


class ProjectCommands(WireModel):
    start: str | None = None


class ProjectTime(WireModel):
    created: int
    updated: int
    initialized: int | None = None


class Project(WireModel):
    id: str
    worktree: str
    time: ProjectTime
    sandboxes: list[str]
    vcs: Literal["git"] | None = None
    name: str | None = None
    icon: ProjectIcon | None = None
    commands: ProjectCommands | None = None


class PathInfo(WireModel):
    home: str
    state: str
    config: str
    worktree: str
    directory: str


class VcsInfo(WireModel):
    branch: str | None = None
    default_branch: str | None = msgspec.field(default=None, name="default_branch")


class LSPStatus(WireModel):
    id: str
    name: str
    root: str
    status: Literal["connected", "error"]


class FormatterStatus(WireModel):
    name: str
    extensions: list[str]
    enabled: bool


class ProjectDirectory(WireModel):
    directory: str
    strategy: str | None = None


class ToolDescription(WireModel):
    id: str
    description: str
    parameters: dict[str, Any]
