"""Numbers that the reference takes from variables of the environment."""

from collections.abc import Mapping
from typing import Final

BASH_TIMEOUT_MS: Final = "OPENCODE_EXPERIMENTAL_BASH_DEFAULT_TIMEOUT_MS"
OUTPUT_TOKENS: Final = "OPENCODE_EXPERIMENTAL_OUTPUT_TOKEN_MAX"
_ASKING: Final = frozenset({"app", "cli", "desktop"})  # clients which show questions


def positive(environ: Mapping[str, str], name: str) -> int | None:
    """None for what is no number above zero."""
    text = environ.get(name, "")
    return int(text) or None if text.isascii() and text.isdigit() and len(text) < 12 else None


def shows_questions(environ: Mapping[str, str]) -> bool:
    """Whether the model may be offered the question tool: not where the server's client is said to show none."""
    flag = environ.get("OPENCODE_ENABLE_QUESTION_TOOL", "").lower() in ("1", "true")
    return flag or environ.get("OPENCODE_CLIENT", "cli") in _ASKING
