"""The named efforts a reasoning model can be asked for; each is a set of options for its protocol."""

import re
from typing import Any

from .traits import thinks_adaptively

Variants = dict[str, dict[str, Any]]

_EFFORTS = ("low", "medium", "high")
_MINIMAL = re.compile(r"gpt-5(-mini|-nano)?(-\d{4}.*)?$")
_EXTRA_HIGH = re.compile(r"gpt-(5\.[2-9]|[6-9]|\d\d)")


def effort_variants(npm: str, model_id: str) -> Variants:
    if npm == "@ai-sdk/anthropic":
        return _thinking(model_id)
    if npm in {"@ai-sdk/openai", "@ai-sdk/azure"}:
        return {effort: _responses(effort) for effort in _openai_efforts(model_id)}
    return {effort: {"reasoningEffort": effort} for effort in _EFFORTS}


def _thinking(model_id: str) -> Variants:
    if thinks_adaptively(model_id):
        return {effort: {"thinking": {"type": "adaptive"}, "effort": effort} for effort in (*_EFFORTS, "max")}
    budgets = {"high": 16_000, "max": 31_999}
    return {name: {"thinking": {"type": "enabled", "budgetTokens": tokens}} for name, tokens in budgets.items()}


def _openai_efforts(model_id: str) -> tuple[str, ...]:
    lowest = ("minimal",) if _MINIMAL.search(model_id) else ()
    highest = ("xhigh",) if _EXTRA_HIGH.search(model_id) else ()
    return (*lowest, *_EFFORTS, *highest)


def _responses(effort: str) -> dict[str, Any]:
    """The encrypted reasoning is what makes it possible to send the reasoning back without the vendor storing it."""
    return {"reasoningEffort": effort, "reasoningSummary": "auto", "include": ["reasoning.encrypted_content"]}
