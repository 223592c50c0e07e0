"""The configuration as oad uses it: the merged opencode.json, decoded. Keys that are not listed here are ignored."""

from typing import Annotated, Any, Literal

import msgspec

from oad.contract.permission import Action

Permission = Action | dict[str, Action | dict[str, Action]]


Positive = Annotated[int, msgspec.Meta(gt=0)]
NotNegative = Annotated[int, msgspec.Meta(ge=0)]


class Section(msgspec.Struct, omit_defaults=True, kw_only=True):
    """A JSON object of the configuration, with the file's own key names."""


class AgentSection(Section):
    model: str | None = None
    variant: str | None = None
    temperature: float | None = None
    top_p: float | None = None
    prompt: str | None = None
    tools: dict[str, bool] | None = None
    disable: bool | None = None
    description: str | None = None
    mode: Literal["subagent", "primary", "all"] | None = None
    hidden: bool | None = None
    options: dict[str, Any] | None = None
    color: str | None = None
    steps: Positive | None = None
    max_steps: Positive | None = msgspec.field(default=None, name="maxSteps")
    permission: Permission | None = None
    name: str | None = None


class CommandSection(Section):
    template: str
    description: str | None = None
    agent: str | None = None
    model: str | None = None
    variant: str | None = None
    subtask: bool | None = None


class ProviderSection(Section):
    """``options`` and ``models`` stay as written: the provider registry reads them."""

    id: str | None = None
    name: str | None = None
    npm: str | None = None
    api: str | None = None
    env: list[str] | None = None
    whitelist: list[str] | None = None
    blacklist: list[str] | None = None
    options: dict[str, Any] = {}
    models: dict[str, dict[str, Any]] = {}


class McpSection(Section):
    """A server of either type; ``type`` is absent where a later file only switches an earlier one on or off."""

    type: Literal["local", "remote"] | None = None
    command: list[str] | None = None
    cwd: str | None = None
    environment: dict[str, str] | None = None
    url: str | None = None
    headers: dict[str, str] | None = None
    oauth: dict[str, Any] | bool | None = None
    enabled: bool | None = None
    timeout: int | None = None  # milliseconds


class FormatterSection(Section):
    disabled: bool | None = None
    command: list[str] | None = None
    environment: dict[str, str] | None = None
    extensions: list[str] | None = None


class LspSection(Section):
    disabled: bool | None = None
    command: list[str] | None = None
    extensions: list[str] | None = None
    env: dict[str, str] | None = None
    initialization: dict[str, Any] | None = None


class CompactionSection(Section):
    auto: bool = True
    prune: bool = False
    tail_turns: NotNegative | None = None
    preserve_recent_tokens: NotNegative | None = None
    reserved: NotNegative | None = None


class SkillsSection(Section):
    paths: list[str] = []
    urls: list[str] = []


class ToolOutputSection(Section):
    max_lines: Positive = 2000
    max_bytes: Positive = 50 * 1024


class ImageSection(Section):
    auto_resize: bool = True
    max_width: Positive = 2000
    max_height: Positive = 2000
    max_base64_bytes: Positive = 5 * 1024 * 1024


class AttachmentSection(Section):
    image: ImageSection = msgspec.field(default_factory=ImageSection)


class WatcherSection(Section):
    ignore: list[str] = []


class ServerSection(Section):
    port: int | None = None
    hostname: str | None = None
    mdns: bool | None = None
    mdns_domain: str | None = msgspec.field(default=None, name="mdnsDomain")
    cors: list[str] | None = None


class Config(Section):
    """Later sources have won already; ``tools`` and ``mode``, the old spellings, are merged into their successors."""

    model: str | None = None
    small_model: str | None = None
    default_agent: str | None = None
    username: str | None = None
    shell: str | None = None
    log_level: str | None = msgspec.field(default=None, name="logLevel")
    share: Literal["manual", "auto", "disabled"] | None = None
    autoshare: bool | None = None
    snapshot: bool | None = None
    subagent_depth: NotNegative | None = None
    disabled_providers: list[str] | None = None
    enabled_providers: list[str] | None = None
    instructions: list[str] = []
    plugin: list[Any] = []
    permission: Permission = {}
    tools: dict[str, bool] = {}
    agent: dict[str, AgentSection] = {}
    mode: dict[str, AgentSection] = {}
    command: dict[str, CommandSection] = {}
    provider: dict[str, ProviderSection] = {}
    mcp: dict[str, McpSection] = {}
    formatter: bool | dict[str, FormatterSection] | None = None
    lsp: bool | dict[str, LspSection] | None = None
    skills: SkillsSection = msgspec.field(default_factory=SkillsSection)
    references: dict[str, Any] = {}
    attachment: AttachmentSection = msgspec.field(default_factory=AttachmentSection)
    compaction: CompactionSection = msgspec.field(default_factory=CompactionSection)
    tool_output: ToolOutputSection = msgspec.field(default_factory=ToolOutputSection)
    watcher: WatcherSection = msgspec.field(default_factory=WatcherSection)
    server: ServerSection = msgspec.field(default_factory=ServerSection)
    experimental: dict[str, Any] = {}
