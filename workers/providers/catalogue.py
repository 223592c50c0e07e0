"""Names, context limits and prices of models, from a compact extract of the genai-prices data.

The extract lies beside this module because loading the whole data costs 160 ms; ``make_extract`` writes it anew.
"""

import re
from functools import lru_cache
from pathlib import Path

import msgspec

EXTRACT = "catalogue.json"
_SNAPSHOT = re.compile(r"([-@]20\d{6}|-20\d\d-\d\d-\d\d|-latest)$")


class KnownModel(msgspec.Struct, array_like=True):
    """Prices are US dollars per million tokens; ``context`` is in tokens, 0 when unknown."""

    name: str
    context: int = 0
    input: float = 0
    output: float = 0
    cache_read: float = 0
    cache_write: float = 0


Extract = dict[str, dict[str, KnownModel]]


@lru_cache(maxsize=1)
def _extract() -> Extract:
    return msgspec.json.decode(Path(__file__).with_name(EXTRACT).read_bytes(), type=Extract)


def known_models(prices: str | None) -> dict[str, KnownModel]:
    """The models of a provider by its name in the price data; newest names first."""
    return _extract().get(prices, {}) if prices else {}


def known_model(prices: str | None, model_id: str) -> KnownModel | None:
    """Also finds a dated snapshot (``…-20250929``, ``…-2025-08-07``, ``…-latest``) of a model."""
    models = known_models(prices)
    return models.get(model_id) or models.get(_SNAPSHOT.sub("", model_id)) or models.get(f"{model_id}-latest")
