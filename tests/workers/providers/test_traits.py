import pytest

from oad.workers.providers import traits


@pytest.mark.parametrize(
    "name",
    ["o3", "o4-mini", "gpt-5.4-mini", "openai/gpt-oss-120b", "claude-sonnet-4-5", "anthropic/claude-opus-5.5"]
    + ["gemini-3.8-flash", "deepseek-v4-pro", "kimi-k3", "grok-4.7", "GLM-5.3", "claude-3-7-sonnet"],
)
def test_models_that_reason(name: str) -> None:
    assert traits.reasons(name)


@pytest.mark.parametrize(
    "name", ["gpt-4o", "gpt-4.1", "claude-3-5-sonnet", "mistral-large-4", "grok-4-fast-non-reasoning", "llama-3.3-70b"]
)
def test_models_that_do_not(name: str) -> None:
    assert not traits.reasons(name)


@pytest.mark.parametrize(
    ("name", "images", "pdfs"),
    [("gpt-5", True, True), ("claude-sonnet-5", True, True), ("gemini-3.5-flash", True, True)]
    + [("deepseek-v4-pro", False, False), ("gpt-oss-120b", False, False), ("pixtral-large", True, False)],
)
def test_what_they_see(name: str, images: bool, pdfs: bool) -> None:
    seen = traits.input_modalities(name)
    assert (seen.image, seen.pdf, seen.text) == (images, pdfs, True)


def test_output_limits_stay_below_the_context() -> None:
    assert traits.output_limit("claude-haiku-4-5", 200_000) == 64_000
    assert traits.output_limit("claude-opus-4-1", 200_000) == 32_000
    assert traits.output_limit("gpt-5", 8_000) == 8_000
    assert traits.output_limit("unheard-of", 8_000) == 2_000


def test_who_takes_an_effort_and_who_a_budget() -> None:
    assert traits.thinks_adaptively("claude-opus-4-6") and traits.thinks_adaptively("claude-sonnet-5-5")
    assert not traits.thinks_adaptively("claude-sonnet-4-5") and not traits.thinks_adaptively("claude-opus-4-1")
