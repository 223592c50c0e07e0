"""One provider: its models, how it is reached, and whether it is."""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from oad.contract.catalogue import Model, Provider

from ..config.masking import MASK, mask_secrets
from .catalogue import known_model, known_models
from .model import Endpoint
from .model_making import make_model
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

    @property
    def name(self) -> str:
        return self.settings.name or (self.known.name if self.known else self.id)

    @property
    def npm(self) -> str:
        return self.settings.npm or (self.known.npm if self.known else COMPATIBLE)

    @property
    def env(self) -> list[str]:
        return self.settings.env if self.settings.env is not None else list(self.known.env if self.known else ())

    @property
    def prices(self) -> str | None:
        return self.known.prices if self.known else None

    def model_ids(self) -> list[str]:
        """The configured ones first, then the catalogue's, as far as the lists admit them."""
        ids = dict.fromkeys([*self.settings.models, *known_models(self.prices)])
        return [model_id for model_id in ids if self.admits(model_id)]

    def admits(self, model_id: str) -> bool:
        listed = self.settings.whitelist is None or model_id in self.settings.whitelist
        return listed and model_id not in self.settings.blacklist

    def model(self, model_id: str) -> Model | None:
        settings = self.settings.models.get(model_id)
        known = known_model(self.prices, (settings and settings.id) or model_id)
        if (settings is None and known is None) or not self.admits(model_id):
            return None
        url = self.settings.api or (self.known.url if self.known else "")
        return make_model(self.id, model_id, settings or ModelSettings(), known, npm=self.npm, url=url)

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
            base_url=options.get("baseURL") or model.api.url or _azure_url(self.npm, options, environ),
            api_key=options.get("apiKey") or self.key,
            headers=options.get("headers") or {},
            timeout_s=_silence_s(options.get("chunkTimeout")),
            options={name: value for name, value in options.items() if name not in {"apiKey", "headers"}},
            problem=self._problem(options),
        )

    def _problem(self, options: dict[str, Any]) -> str | None:
        needs_key = self.known is not None and self.known.needs_key
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


def _azure_url(npm: str, options: dict[str, Any], environ: Mapping[str, str]) -> str | None:
    resource = options.get("resourceName") or environ.get("AZURE_RESOURCE_NAME")
    return f"https://{resource}.openai.azure.com/openai/v1" if npm == "@ai-sdk/azure" and resource else None


def _silence_s(limit: Any) -> float:
    """``chunkTimeout``: milliseconds, or false for no limit."""
    if limit is False:
        return FOREVER_S
    return limit / 1000 if isinstance(limit, int | float) and limit > 0 else 300.0
