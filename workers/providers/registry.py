"""All providers of a directory, and the way from a model's name to a call."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

import msgspec

from oad.contract.catalogue import ConfigProviders, Model, ProviderList

from .demo_provider import DEMO, demo_entry
from .listed import NONE, Catalogue, ListedProvider
from .model import Endpoint, ModelClient
from .provider_making import ProviderEntry, is_understood
from .settings import Credential, ProviderSettings, Settings, read_settings
from .wellknown import WELL_KNOWN

_SMALL = ("haiku", "flash-lite", "nano", "flash", "mini", "small", "lite", "8b")


class ModelNotFound(Exception):
    """``suggestions`` are names of the same kind that do exist: providers, or models of the provider."""

    def __init__(self, provider_id: str, model_id: str, suggestions: list[str]) -> None:
        super().__init__(f"Model not found: {provider_id}/{model_id}.")
        self.provider_id = provider_id
        self.model_id = model_id
        self.suggestions = suggestions

    def explain(self) -> str:
        hint = f" Did you mean: {', '.join(self.suggestions)}?" if self.suggestions else ""
        return f"{self.args[0]}{hint}"


class Registry:
    """Built from one state of configuration, environment and credentials; cheap to build anew when one changes."""

    def __init__(
        self,
        settings: Settings,
        environ: Mapping[str, str],
        credentials: Mapping[str, Credential] | None = None,
        catalogue: Catalogue = NONE,
    ) -> None:
        self._settings = settings
        self._environ = environ
        self._clients: dict[str, ModelClient] = {}
        self._entries = _entries(settings, environ, credentials or {}, catalogue)
        self.warnings = [
            f"Provider {entry.id}: the package {entry.npm} is not known; speaking OpenAI chat completions"
            for entry in self._entries.values()
            if entry.source and not is_understood(entry.npm)
        ]

    @classmethod
    def from_config(
        cls,
        config: dict[str, Any],
        environ: Mapping[str, str],
        credentials: dict[str, Any] | None = None,
        catalogue: Catalogue = NONE,
    ) -> "Registry":
        """From decoded JSON. Raises msgspec.ValidationError when the configuration's types are wrong."""
        return cls(read_settings(config), environ, read_credentials(credentials or {}), catalogue)

    @property
    def connected(self) -> list[str]:
        return [entry.id for entry in self._entries.values() if entry.source]

    def provider_list(self) -> ProviderList:
        """Connected and well-known providers, and those of the operator's catalogue; secrets are masked."""
        shown = [e for e in self._entries.values() if e.source or e.id == DEMO or e.is_offered]
        return ProviderList(all=[e.describe() for e in shown], default=_defaults(shown), connected=self.connected)

    def config_providers(self) -> ConfigProviders:
        """Connected providers only; secrets are masked."""
        shown = [entry for entry in self._entries.values() if entry.source]
        return ConfigProviders(providers=[entry.describe() for entry in shown], default=_defaults(shown))

    def auth_methods(self) -> dict[str, list[dict[str, str]]]:
        """Provider id -> the ways to give it a credential."""
        return {
            entry.id: [{"type": "api", "label": "API key"}]
            for entry in self._entries.values()
            if entry.id != DEMO and entry.needs_key
        }

    def find(self, provider_id: str, model_id: str) -> tuple[Model, Endpoint]:
        """Raises ModelNotFound. The demo model is always found unless it is disabled."""
        entry = self._entries.get(provider_id)
        if entry is None or (entry.source is None and provider_id != DEMO):
            raise ModelNotFound(provider_id, model_id, get_close_matches(provider_id, self.connected, cutoff=0.5))
        model = entry.model(model_id)
        if model is None:
            raise ModelNotFound(provider_id, model_id, _similar(model_id, entry.model_ids()))
        return model, entry.endpoint(model, self._environ)

    def default_model(self) -> tuple[str, str]:
        """(provider id, model id): the configured one, else the first connected provider's. Raises ModelNotFound."""
        if self._settings.model:
            return split_name(self._settings.model)
        for entry in self._entries.values():
            if entry.source and (model_id := entry.default_model()):
                return entry.id, model_id
        raise ModelNotFound("", "", [])

    def small_model(self, provider_id: str) -> tuple[str, str] | None:
        """A cheap one for titles: the configured one, else one of the provider; None: take the session's own."""
        if self._settings.small_model:
            return split_name(self._settings.small_model)
        entry = self._entries.get(provider_id)
        if entry is None or entry.known is None:
            return None
        ids = entry.model_ids()
        for word in _SMALL:
            for model_id in ids:
                if word in model_id.lower():
                    return provider_id, model_id
        return None

    def client_for(self, endpoint: Endpoint) -> ModelClient:
        """One client, with its connections, per endpoint for as long as this registry lives."""
        name = repr(endpoint)
        client = self._clients.get(name)
        if client is None:
            client = self._clients[name] = _make_client(endpoint)
        return client

    async def aclose(self) -> None:
        for client in self._clients.values():
            await client.aclose()
        self._clients.clear()


def split_name(name: str) -> tuple[str, str]:
    """``provider/model``, at the first slash: a model's own name may hold more of them."""
    provider_id, _, model_id = name.partition("/")
    return provider_id, model_id


def read_credentials(stored: Mapping[str, Any]) -> dict[str, Credential]:
    """Raises msgspec.ValidationError."""
    return {provider_id: msgspec.convert(entry, Credential) for provider_id, entry in stored.items()}


def _entries(
    settings: Settings, environ: Mapping[str, str], credentials: Mapping[str, Credential], catalogue: Catalogue
) -> dict[str, ProviderEntry]:
    """Configured providers first, in their order: the first connected one is the default."""
    listed = catalogue.providers
    names = [*settings.provider, *credentials, *WELL_KNOWN, *listed]
    allowed = [name for name in dict.fromkeys(names) if name != DEMO and _is_allowed(settings, name)]
    entries = [_entry(settings.provider.get(n), environ, credentials.get(n), n, listed.get(n)) for n in allowed]
    entries.sort(key=lambda entry: entry.source != "config")
    if _is_allowed(settings, DEMO):
        entries.append(demo_entry(connected=not any(entry.source for entry in entries)))
    return {entry.id: entry for entry in entries}


def _is_allowed(settings: Settings, name: str) -> bool:
    enabled = settings.enabled_providers
    return name not in settings.disabled_providers and (enabled is None or name in enabled)


def _entry(
    configured: ProviderSettings | None,
    environ: Mapping[str, str],
    credential: Credential | None,
    name: str,
    listed: ListedProvider | None,
) -> ProviderEntry:
    entry = ProviderEntry(name, configured or ProviderSettings(), WELL_KNOWN.get(name), None, None, listed=listed)
    from_environ = next((environ[variable] for variable in entry.env if environ.get(variable)), None)
    entry.key = (credential and credential.secret) or from_environ
    entry.bearer = credential is not None and credential.type == "oauth"
    if configured is not None:
        entry.source = "config"
    elif entry.key and entry.is_reachable:
        entry.source = "api" if credential and credential.secret else "env"
    return entry


def _defaults(entries: Iterable[ProviderEntry]) -> dict[str, str]:
    return {entry.id: model_id for entry in entries if (model_id := entry.default_model())}


def _similar(model_id: str, ids: list[str]) -> list[str]:
    return get_close_matches(model_id, ids, n=3, cutoff=0.4)


def _make_client(endpoint: Endpoint) -> ModelClient:
    match endpoint.protocol:
        case "anthropic":
            from .anthropic_messages import AnthropicMessages

            return AnthropicMessages(endpoint)
        case "openai-responses":
            from .openai_responses import OpenAIResponses

            return OpenAIResponses(endpoint)
        case "openai-chat":
            from .openai_chat import OpenAIChat

            return OpenAIChat(endpoint)
        case "demo":
            from .demo import Demo

            return Demo()
