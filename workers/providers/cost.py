"""What a call costs."""

from oad.contract.catalogue import Cost
from oad.contract.session import Tokens

MILLION = 1_000_000


def dollars(tokens: Tokens, cost: Cost) -> float:
    """US dollars. Reasoning is charged like output; cached input, by prices of its own, is not in ``tokens.input``."""
    millionths = (
        tokens.input * cost.input
        + (tokens.output + tokens.reasoning) * cost.output
        + tokens.cache.read * cost.cache.read
        + tokens.cache.write * cost.cache.write
    )
    return millionths / MILLION
