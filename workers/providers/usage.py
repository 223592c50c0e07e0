"""Token counts of one call, from what the providers report."""

from oad.contract.session import CacheTokens, Tokens


def count_tokens(
    *, prompt: int, completion: int, cached: int = 0, written: int = 0, reasoning: int = 0, total: int | None = None
) -> Tokens:
    """``prompt`` and ``completion`` are whole counts: the cached and written input, the reasoning, are part of them.

    In the result they are apart: its numbers add up to ``total``.
    """
    return Tokens(
        input=max(0, prompt - cached - written),
        output=max(0, completion - reasoning),
        reasoning=reasoning,
        cache=CacheTokens(read=cached, write=written),
        total=total or prompt + completion,
    )


def no_tokens() -> Tokens:
    return Tokens(input=0, output=0, reasoning=0, cache=CacheTokens(read=0, write=0))
