"""Access tokens that run out, renewed before they are used: once, however many workers ask.

A provider may take a refresh token only once; two renewals side by side would lose the login.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, cast

import structlog
import trio

from oad.contract.ids import now_ms
from oad.contract.oauth import OAuthMethod, fill_in

from .attempt import expiry_of
from .logins import Logins, Store, keep_nothing
from .token_request import TokenRefused, Unreachable, post

_log = structlog.get_logger("oad.login")
EARLY_MS: Final = 120_000  # before a token ends
_PAUSE_S: Final = 30.0  # after a failure

Entry = Mapping[str, Any]


class Renewal:
    """Without arguments: nobody can log in, and nothing is renewed."""

    def __init__(
        self, logins: Logins | None = None, store: Store = keep_nothing, environment: Mapping[str, str] | None = None
    ) -> None:
        self.logins = logins or Logins({}, store, {})
        self._store = store
        self._environment = environment or {}
        self._locks: dict[str, trio.Lock] = {}
        self._paused: dict[str, float] = {}

    async def freshen(self, provider: str, entries: Callable[[], Mapping[str, Entry]]) -> None:
        """Stores new tokens if those of a provider are about to end; ``entries`` gives what is stored now. A provider
        that does not play along is no error here: the old token is tried, and the failure told, by who uses it."""
        if not _is_due(entries().get(provider)):
            return
        async with self._locks.setdefault(provider, trio.Lock()):
            entry = entries().get(provider)
            method = None if entry is None else self._method(provider, entry)
            if entry is None or method is None or not _is_due(entry) or self._rests(provider):
                return
            try:
                await self._store(provider, await self._renewed(entry, method))
            except (TokenRefused, Unreachable, OSError) as error:
                self._paused[provider] = trio.current_time() + _PAUSE_S
                _log.warning("an access token can't be renewed", provider=provider, error=str(error))

    def _rests(self, provider: str) -> bool:
        return trio.current_time() < self._paused.get(provider, 0.0)

    def _method(self, provider: str, entry: Entry) -> OAuthMethod | None:
        """The one that it was got by; of an imported credential, the only one there is."""
        methods = self.logins.methods(provider)
        label = _login(entry).get("method")
        named = [method for method in methods if method.label == label]
        return named[0] if named else methods[0] if label is None and len(methods) == 1 else None

    async def _renewed(self, entry: Entry, method: OAuthMethod) -> dict[str, Any]:
        url = fill_in(method.token_url, _login(entry).get("inputs") or {})
        fields = {"grant_type": "refresh_token", "refresh_token": entry["refresh"], "client_id": method.client_id}
        answer = await post(url, fields, method, self._environment)
        access = answer.get("access_token")
        if not isinstance(access, str) or not access:
            raise Unreachable("the provider's answer has no access_token")
        refresh = answer.get("refresh_token") or entry["refresh"]  # not all give a new one
        return {**entry, "access": access, "refresh": refresh, "expires": expiry_of(answer, now_ms())}


def _login(entry: Entry) -> dict[str, Any]:
    login = entry.get("login")
    return cast("dict[str, Any]", login) if isinstance(login, dict) else {}


def _is_due(entry: Entry | None) -> bool:
    if entry is None or entry.get("type") != "oauth" or not entry.get("refresh"):
        return False
    expires = entry.get("expires")
    return isinstance(expires, int | float) and 0 < expires < now_ms() + EARLY_MS
