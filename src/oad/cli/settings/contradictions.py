"""What settings say that is right by itself, and makes no sense together."""

from collections.abc import Iterator, Mapping
from typing import Final

from ..server_config import Settings
from .keys import Key
from .origin import Origin, Problem

_PER_USER: Final = ("running_turns_per_user", "live_sessions_per_user", "queue_per_user")


def find_contradictions(settings: Settings, origins: Mapping[Key, tuple[Origin, ...]]) -> Iterator[Problem]:
    """Each at the place of the key that has to go."""
    if settings.server.users_file:
        return
    for name in _PER_USER:
        if getattr(settings.admission, name) is not None:
            other = "[limits] live_sessions" if name.startswith("live") else name.removesuffix("_per_user")
            text = f"[admission] {name}: there is one user only; set {other}, or name users in [server] users_file"
            yield Problem(origins["admission", name][-1], text)
