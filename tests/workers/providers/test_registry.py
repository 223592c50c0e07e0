from typing import Any

import msgspec
import pytest

from oad.workers.providers.registry import ModelNotFound, Registry

FAKE = {
    "npm": "@ai-sdk/openai-compatible",
    "name": "Fake",
    "options": {"baseURL": "http://127.0.0.1:9/v1", "apiKey": "x"},
    "models": {
        "fake-1": {
            "name": "Fake 1",
            "tool_call": True,
            "cost": {"input": 1, "output": 2},
            "limit": {"context": 200_000, "output": 8_192},
        },
        "org/fake-2": {},
    },
}


def registry(
    config: dict[str, Any] | None = None,
    environ: dict[str, str] | None = None,
    credentials: dict[str, Any] | None = None,
) -> Registry:
    return Registry.from_config(config or {}, environ or {}, credentials)


def test_with_nothing_the_demo_answers() -> None:
    made = registry()
    assert made.connected == ["demo"]
    assert made.default_model() == ("demo", "demo")
    model, endpoint = made.find("demo", "demo")
    assert (model.provider_id, endpoint.protocol) == ("demo", "demo")
    assert made.small_model("demo") is None


def test_with_a_provider_the_demo_stays_listed_only() -> None:
    made = registry({"provider": {"fake": FAKE}})
    assert made.connected == ["fake"]
    assert made.default_model() == ("fake", "fake-1")
    assert "demo" in [provider.id for provider in made.provider_list().all]
    assert [provider.id for provider in made.config_providers().providers] == ["fake"]
    assert made.find("demo", "demo")[1].protocol == "demo"


def test_a_configured_provider_as_the_reference_shows_it_but_for_the_key() -> None:
    shown = msgspec.to_builtins(registry({"provider": {"fake": FAKE}}).config_providers())
    provider = shown["providers"][0]
    model = provider["models"].pop("fake-1")
    provider["models"].clear()
    assert provider == {
        "id": "fake",
        "name": "Fake",
        "source": "config",
        "env": [],
        "options": {"baseURL": "http://127.0.0.1:9/v1", "apiKey": "********"},
        "models": {},
    }
    text = {"text": True, "audio": False, "image": False, "video": False, "pdf": False}
    assert model == {
        "id": "fake-1",
        "providerID": "fake",
        "api": {"id": "fake-1", "url": "", "npm": "@ai-sdk/openai-compatible"},
        "name": "Fake 1",
        "family": "",
        "capabilities": {
            "temperature": False,
            "reasoning": False,
            "attachment": False,
            "toolcall": True,
            "input": text,
            "output": text,
            "interleaved": False,
        },
        "cost": {"input": 1, "output": 2, "cache": {"read": 0, "write": 0}},
        "limit": {"context": 200_000, "output": 8_192},
        "status": "active",
        "options": {},
        "headers": {},
        "release_date": "",
        "variants": {},
    }
    assert shown["default"] == {"fake": "fake-1"}


def test_no_secret_is_shown() -> None:
    settings = {
        **FAKE,
        "options": {"apiKey": "S3CRET", "headers": {"X-Own": "S3CRET"}, "baseURL": "http://u:S3CRET@h/"},
    }
    settings["models"] = {"m": {"headers": {"X-Own": "S3CRET"}, "options": {"apiKey": "S3CRET"}}}
    made = registry(
        {"provider": {"fake": settings}}, {"OPENAI_API_KEY": "S3CRET"}, {"xai": {"type": "api", "key": "S3CRET"}}
    )
    for answer in (made.provider_list(), made.config_providers(), made.auth_methods()):
        assert b"S3CRET" not in msgspec.json.encode(answer)
    assert made.find("fake", "m")[1].api_key == "S3CRET"


def test_keys_from_the_environment_and_the_store() -> None:
    made = registry({}, {"OPENAI_API_KEY": "e"}, {"anthropic": {"type": "api", "key": "s"}})
    assert set(made.connected) == {"openai", "anthropic"}
    shown = {provider.id: provider for provider in made.config_providers().providers}
    assert (shown["openai"].source, shown["anthropic"].source) == ("env", "api")
    assert shown["openai"].key == "********"
    _, endpoint = made.find("openai", "gpt-5")
    assert (endpoint.protocol, endpoint.api_key, endpoint.base_url) == (
        "openai-responses",
        "e",
        "https://api.openai.com/v1",
    )
    _, endpoint = made.find("anthropic", "claude-sonnet-5")
    assert (endpoint.protocol, endpoint.api_key) == ("anthropic", "s")


def test_the_configured_key_beats_the_stored_one_and_that_the_environment() -> None:
    environ, stored = {"OPENAI_API_KEY": "e"}, {"openai": {"type": "api", "key": "s"}}
    assert registry({}, environ, stored).find("openai", "gpt-5")[1].api_key == "s"
    config = {"provider": {"openai": {"options": {"apiKey": "c"}}}}
    assert registry(config, environ, stored).find("openai", "gpt-5")[1].api_key == "c"


def test_an_access_token_is_no_api_key() -> None:
    stored = {"anthropic": {"type": "oauth", "refresh": "r", "access": "a", "expires": 1}}
    _, endpoint = registry({}, {}, stored).find("anthropic", "claude-sonnet-5")
    assert endpoint.options["authToken"] == "a"


def test_credentials_of_unknown_providers_connect_nothing() -> None:
    assert registry({}, {}, {"some/thing": {"type": "api", "key": "k"}}).connected == ["demo"]


def test_disabled_beats_enabled() -> None:
    environ = {"OPENAI_API_KEY": "e", "XAI_API_KEY": "e"}
    assert registry({"disabled_providers": ["openai"]}, environ).connected == ["xai"]
    assert registry({"enabled_providers": ["openai"]}, environ).connected == ["openai"]
    both = registry({"enabled_providers": ["openai"], "disabled_providers": ["openai"]}, environ)
    assert both.connected == []
    with pytest.raises(ModelNotFound):
        both.default_model()


def test_white_and_black_lists() -> None:
    config = {"provider": {"openai": {"whitelist": ["gpt-5", "gpt-5-mini"], "blacklist": ["gpt-5"]}}}
    made = registry(config, {"OPENAI_API_KEY": "e"})
    assert list(made.config_providers().providers[0].models) == ["gpt-5-mini"]
    with pytest.raises(ModelNotFound):
        made.find("openai", "gpt-5")


def test_what_is_not_found_comes_with_suggestions() -> None:
    made = registry({"provider": {"fake": FAKE}})
    with pytest.raises(ModelNotFound) as caught:
        made.find("fake", "fake1")
    assert caught.value.suggestions[0] == "fake-1"
    assert caught.value.explain() == "Model not found: fake/fake1. Did you mean: fake-1, org/fake-2?"
    with pytest.raises(ModelNotFound) as caught:
        made.find("fak", "fake-1")
    assert caught.value.suggestions == ["fake"]


def test_configured_models_by_name() -> None:
    made = registry({"provider": {"fake": FAKE}, "model": "fake/org/fake-2", "small_model": "fake/fake-1"})
    assert made.default_model() == ("fake", "org/fake-2")
    assert made.small_model("anything") == ("fake", "fake-1")


def test_a_small_model_of_a_known_provider() -> None:
    small = registry({}, {"ANTHROPIC_API_KEY": "k"}).small_model("anthropic")
    assert small is not None and "haiku" in small[1]


def test_packages_choose_the_protocol_and_strangers_are_warned_of() -> None:
    config = {
        "provider": {
            "a": {"npm": "@ai-sdk/openai", "models": {"m": {}, "n": {"provider": {"npm": "@ai-sdk/anthropic"}}}},
            "b": {"npm": "@ai-sdk/groq", "models": {"m": {}}},
            "c": {"npm": "file:///own.js", "models": {"m": {}}},
            "d": {"npm": "@ai-sdk/azure", "options": {"resourceName": "res"}, "models": {"m": {}}},
        }
    }
    made = registry(config)
    protocols = [made.find(*name)[1].protocol for name in (("a", "m"), ("a", "n"), ("b", "m"), ("c", "m"))]
    assert protocols == ["openai-responses", "anthropic", "openai-chat", "openai-chat"]
    assert len(made.warnings) == 1 and "file:///own.js" in made.warnings[0]
    assert made.find("d", "m")[1].base_url == "https://res.openai.azure.com/openai/v1"


def test_one_client_per_endpoint() -> None:
    made = registry({"provider": {"fake": FAKE}})
    endpoint = made.find("fake", "fake-1")[1]
    client = made.client_for(endpoint)
    assert made.client_for(made.find("fake", "org/fake-2")[1]) is client
    assert made.client_for(made.find("demo", "demo")[1]) is not client


def test_wrong_types_are_told() -> None:
    with pytest.raises(msgspec.ValidationError, match="limit"):
        registry({"provider": {"fake": {"models": {"m": {"limit": {"context": "much"}}}}}})


def test_ways_to_log_in() -> None:
    methods = registry({"provider": {"fake": FAKE}}).auth_methods()
    assert methods["anthropic"] == methods["fake"] == [{"type": "api", "label": "API key"}]
    assert "demo" not in methods and "ollama" not in methods


def test_the_list_stays_small() -> None:
    assert len(msgspec.json.encode(registry({"provider": {"fake": FAKE}}).provider_list())) < 60_000


def test_local_servers_need_only_a_name() -> None:
    _, endpoint = registry({"provider": {"ollama": {"models": {"qwen3": {}}}}}).find("ollama", "qwen3")
    assert (endpoint.base_url, endpoint.problem) == ("http://127.0.0.1:11434/v1", None)
