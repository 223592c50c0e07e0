from oad.contract.catalogue import Interleaved
from oad.workers.providers.catalogue import known_model
from oad.workers.providers.model_making import known_to_settings, make_model
from oad.workers.providers.settings import CostSettings, ModelSettings

from .samples import NPM, model


def test_the_catalogue_fills_what_the_configuration_leaves_out() -> None:
    known = known_model("anthropic", "claude-sonnet-4-5")
    assert known
    base = known_to_settings("claude-sonnet-4-5", known)
    made = make_model("anthropic", "claude-sonnet-4-5", ModelSettings(), base, npm=NPM["anthropic"], url="u")
    assert (made.name, made.limit.context, made.limit.output) == ("Claude Sonnet 4.5", 200_000, 64_000)
    assert (made.cost.input, made.cost.cache.read, made.api.url) == (3, 0.3, "u")
    assert made.capabilities.reasoning and made.capabilities.input.image and made.capabilities.input.pdf
    assert set(made.variants or {}) == {"high", "max"}


def test_the_configuration_wins() -> None:
    known = known_model("openai", "gpt-5")
    settings = ModelSettings(name="Mine", reasoning=False, cost=CostSettings(input=9))
    assert known
    base = known_to_settings("gpt-5", known)
    made = make_model("openai", "gpt-5", settings, base, npm=NPM["openai-responses"], url="")
    assert (made.name, made.cost.input, made.cost.output, made.variants) == ("Mine", 9, 0, {})


def test_variants_can_be_changed_and_disabled() -> None:
    variants = {"low": {"disabled": True}, "high": {"extra": 1}, "own": {"reasoningEffort": "none"}}
    made = model(reasoning=True, variants=variants)
    assert made.variants == {
        "medium": {"reasoningEffort": "medium"},
        "high": {"reasoningEffort": "high", "extra": 1},
        "own": {"reasoningEffort": "none"},
    }


def test_interleaved_reasoning() -> None:
    assert model(interleaved=True).capabilities.interleaved is True
    assert model(interleaved="reasoning").capabilities.interleaved == Interleaved(field="reasoning")


def test_an_alias() -> None:
    made = model("mine", id="real")
    assert (made.id, made.api.id, made.name) == ("mine", "real", "mine")
