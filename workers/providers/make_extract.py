"""Writes the extract that ``catalogue`` reads: ``python -m oad.workers.providers.make_extract``."""

import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from .catalogue import EXTRACT, Extract, KnownModel
from .wellknown import WELL_KNOWN

# Models that do not converse.
_OTHER = re.compile(
    r"""embed|tts|whisper|transcri|image|audio|realtime|moderation|rerank|dall-e|sora|guard|search|ocr|voxtral|voice
    |live|speech|davinci|babbage|computer-use|orpheus|robotics|banana|translate|^ada|veo|imagen|lyria|:batch|^~
    |deep-research|^command-light|rosalind|decider|safeguard|ft:|\.ft-|:extended|^curie|-base-|-cyber$""",
    re.IGNORECASE | re.VERBOSE,
)
# Generations that are no longer sold, or too small or old to work with tools.
_OLD = re.compile(
    r"""gpt-3|gpt-4(-|$)|gpt-4\.5|o1-(preview|mini)|claude-(v?[12]|3)|gemini-(1|pro|flash-1)|gemini-[\d.]*-?pro-1
    |llama-?[23](-|$|\.1)|llama[23]-|mixtral|mistral-7b|gemma2?-|gemma-[12]|pythia|alpaca|hermes|grok-[12]""",
    re.IGNORECASE | re.VERBOSE,
)


def main() -> None:
    target = Path(__file__).with_name(EXTRACT)
    rows = (f"{encode(name)}:{{\n{_lines(models)}\n}}" for name, models in sorted(extract().items()))
    target.write_text("{\n" + ",\n".join(rows) + "\n}\n")


def encode(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _lines(models: dict[str, KnownModel]) -> str:
    return ",\n".join(f"{encode(model_id)}:{encode(model)}" for model_id, model in models.items())


def extract() -> Extract:
    from genai_prices.data import providers  # 160 ms and 15 MB: only here

    wanted = {row.prices for row in WELL_KNOWN.values() if row.prices}
    return {provider.id: _models(provider.id, provider.models) for provider in providers if provider.id in wanted}


def _models(provider_id: str, models: Any) -> dict[str, KnownModel]:
    usable = [model for model in models if not model.deprecated and not _is_left_out(provider_id, model.id)]
    return {model.id: _row(model) for model in sorted(usable, key=lambda model: _natural(model.id), reverse=True)}


def _is_left_out(provider_id: str, model_id: str) -> bool:
    foreign = provider_id == "google" and "claude" in model_id  # reached by another API than Google's own models
    return foreign or bool(_OTHER.search(model_id) or _OLD.search(model_id))


def _natural(model_id: str) -> list[tuple[int, float, str]]:
    """Numbers count as numbers, so that the newest name sorts last."""
    pieces = re.split(r"(\d+(?:\.\d+)?)", model_id)
    return [(1, float(piece), "") if number % 2 else (0, 0.0, piece) for number, piece in enumerate(pieces)]


def _row(model: Any) -> KnownModel:
    price = _newest(model.prices)
    return KnownModel(
        name=model.name or model.id,
        context=model.context_window or 0,
        input=_dollars(price.input_mtok),
        output=_dollars(price.output_mtok),
        cache_read=_dollars(price.cache_read_mtok),
        cache_write=_dollars(price.cache_write_mtok),
    )


def _newest(prices: Any) -> Any:
    """Prices may be a list of conditional ones, by date or by time of day."""
    try:
        return prices[-1].prices
    except TypeError:
        return prices


def _dollars(price: Any) -> float:
    """The base price of a tiered one: what ordinary prompts cost."""
    base = getattr(price, "base", price)
    return float(base) if isinstance(base, Decimal | int | float) else 0.0


if __name__ == "__main__":
    main()
