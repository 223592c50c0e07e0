"""One provider: its models, how it is reached, and whether it is."""

import re
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from oad.contract.catalogue import Model, Provider

from ..config.masking import MASK, mask_secrets
from .catalogue import known_model, known_models
from .listed import ListedProvider
from .model import Endpoint
from .model_making import known_to_settings, make_model
from .settings import ModelSettings, ProviderSettings
from .wellknown import COMPATIBLE, WellKnown

Protocol = Literal["openai-chat", "openai-responses", "anthropic", "demo"]

_PROTOCOLS: dict[str, Protocol] = {
    "@ai-sdk/openai": "openai-responses",
    "@ai-sdk/azure": "openai-responses",
    "@ai-sdk/anthropic": "anthropic",
    "oad-demo": "demo",
}
# Packages of vendors whose servers speak chat completions too; anything else is tried with it, with a warning.
_CHAT = frozenset(
    f"@ai-sdk/{vendor}"
    for vendor in (
        *("openai-compatible", "groq", "mistral", "deepseek", "xai", "google", "cerebras", "togetherai", "deepinfra"),
        *("perplexity", "fireworks", "baseten", "cohere", "gateway", "vercel", "alibaba", "moonshotai", "huggingface"),
    )
) | {"@openrouter/ai-sdk-provider", "ollama-ai-provider", "ollama-ai-provider-v2"}
_VARIABLE = re.compile(r"\$\{(\w+)\}")
FOREVER_S = 7 * 86_400.0
_SHOWN_UNCONNECTED = 6


class ProviderEntry(msgspec.Struct):
    """What is known of a provider from all sources. ``source`` is None while nothing connects it."""

    id: str
    settings: ProviderSettings
    known: WellKnown | None
    source: Literal["env", "config", "custom", "api"] | None
    key: str | None
    bearer: bool = False  # the key is an access token, not an API key
    listed: ListedProvider | None = None  # in the operator's catalogue, which comes before the one that is built in

    @property
    def name(self) -> str:
        return self.settings.name or (self.known and self.known.name) or (self.listed and self.listed.name) or self.id

    @property
    def npm(self) -> str:
        if self.settings.npm or self.known:
            return self.settings.npm or (self.known.npm if self.known else COMPATIBLE)
        return (self.listed and self.listed.npm) or COMPATIBLE

    @property
    def env(self) -> list[str]:
        if self.settings.env is not None:
            return self.settings.env
        named = [*(self.known.env if self.known else ()), *(self.listed.env if self.listed else ())]
        return list(dict.fromkeys(named))

    @property
    def url(self) -> str:
        return self.settings.api or (self.known and self.known.url) or (self.listed and self.listed.api) or ""

    @property
    def needs_key(self) -> bool:
        if self.known is None and self.listed is not None:
            return bool(self.listed.env)
        return self.known is None or self.known.needs_key

    @property
    def is_offered(self) -> bool:
        """To clients, although nothing connects it yet."""
        return self.listed is not None or (self.known is not None and self.known.popular)

    @property
    def is_reachable(self) -> bool:
        """With a key and no configuration."""
        return self.known is not None or (self.listed is not None and bool(self.url) and is_understood(self.npm))

    @property
    def prices(self) -> str | None:
        return self.known.prices if self.known else None

    def model_ids(self) -> list[str]:
        """The configured ones first, then the catalogue's, as far as the lists admit them."""
        others = self.listed.model_ids() if self.listed else known_models(self.prices)
        ids = dict.fromkeys([*self.settings.models, *others])
        return [model_id for model_id in ids if self.admits(model_id)]

    def admits(self, model_id: str) -> bool:
        listed = self.settings.whitelist is None or model_id in self.settings.whitelist
        return listed and model_id not in self.settings.blacklist

    def model(self, model_id: str) -> Model | None:
        settings = self.settings.models.get(model_id)
        called = (settings and settings.id) or model_id
        known = known_model(self.prices, called)
        base = (self.listed and self.listed.model(called)) or (known_to_settings(called, known) if known else None)
        if (settings is None and base is None) or not self.admits(model_id):
            return None
        return make_model(self.id, model_id, settings or ModelSettings(), base, npm=self.npm, url=self.url)

    def default_model(self) -> str | None:
        """A configured one, else the well-known choice, else the newest."""
        ids = self.model_ids()
        if self.settings.models:
            return next((model_id for model_id in self.settings.models if model_id in ids), None)
        return next((m for m in (self.known.prefer if self.known else ()) if m in ids), ids[0] if ids else None)

    def describe(self) -> Provider:
        """As clients may see it: secrets are masked; one that is not connected shows a few of its models."""
        ids = self.model_ids() if self.source else self._few()
        models = {model_id: model for model_id in ids if (model := self.model(model_id))}
        return Provider(
            id=self.id,
            name=self.name,
            source=self.source or "custom",
            env=self.env,
            options=mask_secrets(self.settings.options),
            models={model_id: _masked(model) for model_id, model in models.items()},
            key=MASK if self.key and self.source in {"api", "env"} else None,
        )

    def _few(self) -> list[str]:
        ids = self.model_ids()
        preferred = [model_id for model_id in (self.known.prefer if self.known else ()) if model_id in ids]
        return list(dict.fromkeys(preferred + ids))[:_SHOWN_UNCONNECTED]

    def endpoint(self, model: Model, environ: Mapping[str, str]) -> Endpoint:
        options: dict[str, Any] = self.settings.options
        protocol = protocol_of(model.api.npm)
        if protocol == "anthropic" and self.bearer and "apiKey" not in options:
            options = {"authToken": self.key} | options
        return Endpoint(
            protocol=protocol,
            base_url=options.get("baseURL")
            or _filled(model.api.url, environ)
            or _azure_url(self.npm, options, environ),
            api_key=options.get("apiKey") or self.key,
            headers=options.get("headers") or {},
            timeout_s=_silence_s(options.get("chunkTimeout")),
            options={name: value for name, value in options.items() if name not in {"apiKey", "headers"}},
            problem=self._problem(options),
        )

    def _problem(self, options: dict[str, Any]) -> str | None:
        needs_key = (self.known is not None or self.listed is not None) and self.needs_key
        if not needs_key or self.key or options.get("apiKey") or options.get("baseURL") or options.get("headers"):
            return None
        names = f"set {' or '.join(self.env)}, or " if self.env else ""
        return f"No API key for provider {self.id}: {names}store a key for it"


def protocol_of(npm: str) -> Protocol:
    return _PROTOCOLS.get(npm, "openai-chat")


def is_understood(npm: str) -> bool:
    """Whether a package's protocol is known, not merely hoped to be chat completions."""
    return npm in _PROTOCOLS or npm in _CHAT


def _masked(model: Model) -> Model:
    model.options = mask_secrets(model.options)
    model.headers = mask_secrets(model.headers, "headers")
    return model


def _filled(url: str, environ: Mapping[str, str]) -> str:
    """Addresses in catalogues have variables for what is one's own, such as an account: ``${NAME}``."""
    return _VARIABLE.sub(lambda place: environ.get(place[1], ""), url)


def _azure_url(npm: str, options: dict[str, Any], environ: Mapping[str, str]) -> str | None:
    resource = options.get("resourceName") or environ.get("AZURE_RESOURCE_NAME")
    return f"https://{resource}.openai.azure.com/openai/v1" if npm == "@ai-sdk/azure" and resource else None


def _silence_s(limit: Any) -> float:
    """``chunkTimeout``: milliseconds, or false for no limit."""
    if limit is False:
        return FOREVER_S
    return limit / 1000 if isinstance(limit, int | float) and limit > 0 else 300.0
