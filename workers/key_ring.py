"""The credentials of a turn, and their renewal before they end: turns may last longer than access tokens."""

import math
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

from .config.project import ProjectSetup
from .environment import Keys, take_keys
from .providers.registry import Registry

AskKeys = Callable[[str], Awaitable[Keys]]
"""The daemon's keys, with those of the provider renewed if need be."""
RegistryOf = Callable[[ProjectSetup, dict[str, Any]], Registry]
_EARLY_S: Final = 60.0
_PAUSE_S: Final = 30.0  # between two requests, whatever came of the first


class KeyRing:
    def __init__(
        self, setup: ProjectSetup, credentials: dict[str, Any], registry_of: RegistryOf, ask_keys: AskKeys
    ) -> None:
        """Raises ApiError 400 for provider settings of wrong types."""
        self._setup = setup
        self._credentials = credentials
        self._registry_of = registry_of
        self._ask_keys = ask_keys
        self._asked = -math.inf
        self.registry = registry_of(setup, credentials)

    async def renew(self, provider: str) -> None:
        """Makes ``registry`` anew if the provider's token is about to end and the daemon has got another one."""
        if not runs_out(self._credentials.get(provider), time.time()) or self._asked > time.monotonic() - _PAUSE_S:
            return
        self._asked = time.monotonic()
        keys = await self._ask_keys(provider)
        take_keys(keys)
        self._credentials = keys.credentials
        self.registry = self._registry_of(self._setup, keys.credentials)


def runs_out(credential: dict[str, Any] | None, now_s: float) -> bool:
    """Whether an access token has ended or will shortly; one that names no time never does."""
    expires = (credential or {}).get("expires")
    return isinstance(expires, int | float) and 0 < expires < (now_s + _EARLY_S) * 1000
