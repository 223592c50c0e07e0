"""The ``provider`` part of a configuration, as opencode.json spells it."""

from typing import Any, Literal

import msgspec


class CostSettings(msgspec.Struct):
    """US dollars per million tokens."""

    input: float = 0
    output: float = 0
    cache_read: float = 0
    cache_write: float = 0


class LimitSettings(msgspec.Struct):
    """Tokens."""

    context: int = 0
    output: int = 0
    input: int | None = None


class ModalitySettings(msgspec.Struct):
    input: list[str] | None = None
    output: list[str] | None = None


class ApiSettings(msgspec.Struct):
    npm: str | None = None
    api: str | None = None


class ModelSettings(msgspec.Struct):
    """What is None leaves the catalogue's value, or the default."""

    id: str | None = None  # as the provider knows the model; the configuration's key is what users say
    name: str | None = None
    family: str | None = None
    release_date: str | None = None
    attachment: bool | None = None
    reasoning: bool | None = None
    temperature: bool | None = None
    tool_call: bool | None = None
    interleaved: bool | str | dict[str, str] | None = None
    cost: CostSettings | None = None
    limit: LimitSettings | None = None
    modalities: ModalitySettings | None = None
    status: Literal["alpha", "beta", "deprecated", "active"] | None = None
    provider: ApiSettings | None = None
    options: dict[str, Any] = {}
    headers: dict[str, str] = {}
    variants: dict[str, dict[str, Any]] = {}


class ProviderSettings(msgspec.Struct):
    name: str | None = None
    npm: str | None = None
    api: str | None = None
    env: list[str] | None = None
    options: dict[str, Any] = {}
    models: dict[str, ModelSettings] = {}
    whitelist: list[str] | None = None
    blacklist: list[str] = []


class Settings(msgspec.Struct):
    """The keys of a whole configuration that matter here."""

    provider: dict[str, ProviderSettings] = {}
    model: str | None = None
    small_model: str | None = None
    disabled_providers: list[str] = []
    enabled_providers: list[str] | None = None


class Credential(msgspec.Struct):
    """An entry of the credential store: ``key`` of type api and wellknown, ``access`` of type oauth."""

    type: Literal["api", "oauth", "wellknown"]
    key: str | None = None
    access: str | None = None
    token: str | None = None

    @property
    def secret(self) -> str | None:
        return self.access if self.type == "oauth" else self.token or self.key


def read_settings(config: dict[str, Any]) -> Settings:
    """Raises msgspec.ValidationError, which names the place."""
    return msgspec.convert(config, Settings, strict=False)
