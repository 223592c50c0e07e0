from oad.workers.providers.catalogue import known_model, known_models
from oad.workers.providers.wellknown import WELL_KNOWN


def test_every_preferred_model_exists() -> None:
    for provider in WELL_KNOWN.values():
        assert set(provider.prefer) <= set(known_models(provider.prices)), provider.id


def test_snapshots_are_found_by_their_model() -> None:
    plain = known_model("anthropic", "claude-haiku-4-5")
    assert plain is not None and plain.output == 5
    assert known_model("anthropic", "claude-haiku-4-5-20251001") == plain
    assert known_model("openai", "gpt-5-2025-08-07") == known_model("openai", "gpt-5") is not None


def test_what_is_unknown() -> None:
    assert known_model("openai", "nope") is None
    assert known_model(None, "gpt-5") is None
    assert known_models("nobody") == {}
