"""Options as configurations spell them, and as the wire does."""

from typing import Any, cast

# Of these, OpenAI's two protocols know the same spelling; what is not listed travels as it is.
_OPENAI = {
    "reasoningEffort": "reasoning_effort",
    "textVerbosity": "verbosity",
    "parallelToolCalls": "parallel_tool_calls",
    "serviceTier": "service_tier",
    "promptCacheKey": "prompt_cache_key",
    "promptCacheRetention": "prompt_cache_retention",
    "safetyIdentifier": "safety_identifier",
    "maxCompletionTokens": "max_completion_tokens",
    "maxTokens": "max_tokens",
    "frequencyPenalty": "frequency_penalty",
    "presencePenalty": "presence_penalty",
    "topP": "top_p",
    "topLogprobs": "top_logprobs",
    "logitBias": "logit_bias",
    "responseFormat": "response_format",
    "reasoningSummary": "reasoning_summary",
    "maxToolCalls": "max_tool_calls",
    "previousResponseId": "previous_response_id",
}
_ANTHROPIC = {"budgetTokens": "budget_tokens", "topK": "top_k", "stopSequences": "stop_sequences"}


def openai_options(options: dict[str, Any]) -> dict[str, Any]:
    return {_OPENAI.get(name, name): value for name, value in options.items() if value is not None}


def anthropic_options(options: dict[str, Any]) -> dict[str, Any]:
    """``effort`` belongs into ``output_config``; a disabled thinking is kept, it overrides a default."""
    renamed = {_ANTHROPIC.get(name, name): value for name, value in options.items() if value is not None}
    if isinstance(thinking := renamed.get("thinking"), dict):
        settings = cast("dict[str, Any]", thinking)
        renamed["thinking"] = {_ANTHROPIC.get(name, name): value for name, value in settings.items()}
    if "effort" in renamed:
        renamed["output_config"] = {**renamed.get("output_config", {}), "effort": renamed.pop("effort")}
    return renamed
