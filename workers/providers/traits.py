"""What a model can do, guessed from its name where neither configuration nor price catalogue says."""

import re

from oad.contract.catalogue import Modalities

_REASONING = re.compile(
    r"""(^|/)o[1-9]($|-) | gpt-([5-9]|\d\d) | gpt-oss | claude-([a-z]+-)?([4-9]|3[-.]7) | claude-(fable|mythos)
    | gemini-(2\.5|[3-9]) | grok-(3-mini|[4-9]|build) | deepseek-(r1|reasoner|v3\.[1-9]|v[4-9]) | qwen-?3
    | kimi-k(2\.[5-9]|[3-9]) | glm-(4\.[5-9]|[5-9]) | minimax-m\d | magistral | thinking | reason""",
    re.IGNORECASE | re.VERBOSE,
)
_NO_REASONING = re.compile(r"non-reasoning|gpt-\d(\.\d)?-chat|-instruct", re.IGNORECASE)
_IMAGES = re.compile(
    r"""(^|/)o([134]|4-mini)($|-) | gpt-(4o|4\.1|4-turbo|[5-9]|\d\d) | claude-(3|[a-z]+-[3-9]|[4-9]) | gemini
    | grok-([4-9]|.*vision) | pixtral | mistral-(medium|small-[3-9]|large-[3-9]) | llama-?4 | gemma-[3-9]
    | [-_]vl | vision | kimi-k(2\.[5-9]|[3-9]) | glm-[\d.]+v""",
    re.IGNORECASE | re.VERBOSE,
)
_PDFS = re.compile(r"gpt-(4o|4\.1|[5-9]|\d\d)|claude-(3[-.][5-9]|[a-z]+-[3-9])|gemini", re.IGNORECASE)
_FIXED_TEMPERATURE = re.compile(r"(^|/)o[1-9]($|-)|gpt-([5-9]|\d\d)|claude-([a-z]+-)([5-9]|4[-.][7-9])", re.IGNORECASE)
_ADAPTIVE = re.compile(r"claude-([a-z]+-)([5-9]|4[-.][6-9])", re.IGNORECASE)
_OUTPUT = tuple(
    (re.compile(pattern, re.IGNORECASE), tokens)
    for pattern, tokens in (
        (r"claude-3[-.]7", 64_000),
        (r"claude-3[-.]5", 8_192),
        (r"claude-3", 4_096),
        (r"claude-opus-4([-.][01])?$", 32_000),
        (r"claude-", 64_000),
        (r"gpt-([5-9]|\d\d)", 128_000),
        (r"gpt-4\.1", 32_768),
        (r"gpt-4o", 16_384),
        (r"gpt-4|gpt-3", 4_096),
        (r"(^|/)o[1-9]", 100_000),
        (r"gemini-(2\.5|[3-9])", 65_536),
        (r"gemini", 8_192),
    )
)
_USUAL_OUTPUT = 32_768
_USUAL_CONTEXT = 128_000


def reasons(model_id: str) -> bool:
    return bool(_REASONING.search(model_id)) and not _NO_REASONING.search(model_id)


def thinks_adaptively(model_id: str) -> bool:
    """Whether an Anthropic model takes an effort instead of a budget of thinking tokens."""
    return bool(_ADAPTIVE.search(model_id))


def takes_temperature(model_id: str) -> bool:
    return not _FIXED_TEMPERATURE.search(model_id)


def input_modalities(model_id: str) -> Modalities:
    images = bool(_IMAGES.search(model_id))
    gemini = "gemini" in model_id.lower()
    return Modalities(text=True, audio=gemini, image=images, video=gemini, pdf=bool(_PDFS.search(model_id)))


def output_limit(model_id: str, context: int) -> int:
    """Tokens."""
    for pattern, tokens in _OUTPUT:
        if pattern.search(model_id):
            return min(tokens, context)
    return min(_USUAL_OUTPUT, context // 4)


def context_limit(known: int | None) -> int:
    """Tokens; a cautious guess where nobody says: too small compacts early, too large fails."""
    return known or _USUAL_CONTEXT
