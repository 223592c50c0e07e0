import json
from typing import Any

import pytest

from oad.workers.providers.listed import NONE, Catalogue
from oad.workers.providers.registry import ModelNotFound, Registry

LISTED: dict[str, Any] = {
    "acme": {
        "id": "acme",
        "name": "Acme",
        "env": ["ACME_API_KEY"],
        "npm": "@ai-sdk/openai-compatible",
        "api": "https://api.acme.test/${ACME_ACCOUNT}/v1",
        "doc": "https://acme.test",
        "models": {
            "old": {"id": "old", "name": "Old", "release_date": "2024-01-01", "status": "deprecated"},
            "small": {"id": "small", "name": "Small", "release_date": "2025-01-01"},
            "big": {
                "id": "big",
                "name": "Big",
                "family": "b",
                "attachment": True,
                "reasoning": True,
                "tool_call": True,
                "interleaved": {"field": "reasoning_content"},
                "release_date": "2026-01-01",
                "modalities": {"input": ["text", "image"], "output": ["text"]},
                "cost": {"input": 1, "output": 2, "cache_read": 0.1, "context_over_200k": {"input": 2}},
                "limit": {"context": 1000, "output": 100},
            },
            "odd": {"limit": "many"},
        },
    },
    "openai": {"name": "Open", "env": ["OTHER_KEY"], "models": {"gpt-next": {"name": "Next"}}},
    "strange": {"npm": "@strange/sdk", "env": ["STRANGE_KEY"], "api": "https://s.test", "models": {"m": {}}},
    "broken": {"models": []},
}
CATALOGUE = Catalogue("1", json.dumps(LISTED).encode())
ENVIRON = {"ACME_API_KEY": "k", "ACME_ACCOUNT": "me"}


def registry(config: dict[str, Any] | None = None, **environ: str) -> Registry:
    return Registry.from_config(config or {}, environ, {}, CATALOGUE)


def test_a_listed_provider_needs_only_its_key() -> None:
    made = registry(**ENVIRON)
    assert made.connected == ["acme"]
    assert made.default_model() == ("acme", "big")
    model, endpoint = made.find("acme", "big")
    assert (endpoint.base_url, endpoint.api_key, endpoint.problem) == ("https://api.acme.test/me/v1", "k", None)
    assert (model.name, model.family, model.limit.context, model.cost.cache.read) == ("Big", "b", 1000, 0.1)
    assert model.capabilities.input.image and not model.capabilities.input.pdf and model.capabilities.reasoning
    assert model.release_date == "2026-01-01"


def test_what_is_old_or_unreadable_is_not_listed() -> None:
    (provider,) = registry(**ENVIRON).config_providers().providers
    assert list(provider.models) == ["big", "small"]
    assert registry(**ENVIRON).find("acme", "old")[0].name == "Old"
    with pytest.raises(ModelNotFound):
        registry(**ENVIRON).find("acme", "odd")


def test_all_that_are_listed_are_offered() -> None:
    offered = {provider.id: provider for provider in registry().provider_list().all}
    assert {"acme", "openai", "anthropic", "strange"} <= set(offered)
    assert "broken" not in offered
    assert offered["acme"].env == ["ACME_API_KEY"]


def test_it_comes_before_what_is_built_in_and_the_protocol_stays() -> None:
    made = registry(OPENAI_API_KEY="k")
    model, endpoint = made.find("openai", "gpt-next")
    assert (model.name, endpoint.protocol, endpoint.base_url) == (
        "Next",
        "openai-responses",
        "https://api.openai.com/v1",
    )
    assert made.default_model() == ("openai", "gpt-next")
    assert registry(OTHER_KEY="k").connected == ["openai"]


def test_configuration_comes_before_it() -> None:
    config = {"provider": {"acme": {"models": {"big": {"name": "Mine"}, "own": {}}, "options": {"apiKey": "x"}}}}
    model, endpoint = registry(config).find("acme", "big")
    assert (model.name, model.limit.context, endpoint.api_key) == ("Mine", 1000, "x")
    assert registry(config).find("acme", "own")[0].name == "own"


def test_what_can_not_be_spoken_with_is_not_connected_by_a_key() -> None:
    assert registry(STRANGE_KEY="k").connected == ["demo"]


def test_without_one() -> None:
    assert (NONE.version, dict(NONE.providers)) == ("", {})
