"""Who may ask: Basic (user and password), Bearer (token), or ``?auth_token=`` for clients that cannot set headers."""

import base64
import binascii
import contextlib
import hmac
import logging
import time
from collections import OrderedDict, deque
from contextlib import AbstractContextManager
from typing import Final
from urllib.parse import parse_qs

from oad.contract.credential import Credential

from .asgi import Scope, header
from .logins import LoginReports
from .users import Users

MAX_FAILURES: Final = 20  # wrong credentials per address that are looked at within the window
WINDOW_S: Final = 60.0
_MAX_ADDRESSES: Final = 1000
_log = logging.getLogger("oad.gateway.auth")


WHO: Final = "oad.who"  # the key of a scope; a client can't set it
USER: Final = "oad.user"  # likewise: who is counted for it; "" is whoever the settings do not name
ANYONE: Final = "anyone"  # without authentication


def address_of(scope: Scope) -> str:
    return str((scope.get("client") or ("local",))[0])


class FailureLimit:
    """Counts wrong credentials per address; remembers so many addresses only, so that it cannot be made to grow."""

    def __init__(self) -> None:
        self._failures: OrderedDict[str, deque[float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._failures)

    def retry_after(self, address: str, now: float) -> float:
        """Seconds until credentials from this address are looked at again; 0: they are now."""
        times = self._failures.get(address)
        while times and times[0] <= now - WINDOW_S:
            times.popleft()
        return times[0] + WINDOW_S - now if times and len(times) >= MAX_FAILURES else 0.0

    def record(self, address: str, now: float) -> None:
        self._failures.setdefault(address, deque(maxlen=MAX_FAILURES)).append(now)
        self._failures.move_to_end(address)
        if len(self._failures) > _MAX_ADDRESSES:
            self._failures.popitem(last=False)


class Authenticator:
    """``logins`` hears of every wrong credential that is looked at, and of the first right ones. Whether credentials
    are demanded at all is decided for good: nobody is let in because the last user has gone."""

    def __init__(self, credentials: Credential, logins: LoginReports | None = None, users: Users | None = None) -> None:
        self._credentials = credentials
        self._users = Users(credentials.users) if users is None else users
        self._limit = FailureLimit()
        self._logins = logins or LoginReports()

    def refusal(self, scope: Scope) -> tuple[int, list[tuple[bytes, bytes]]] | None:
        """None lets the request in, with who it is noted in the scope; else a status (401, 429) and its headers."""
        if not self._credentials:
            return None
        offered = _offered(scope)
        if offered:
            address, now = address_of(scope), time.monotonic()
            if wait := self._limit.retry_after(address, now):
                return 429, [(b"retry-after", b"%d" % (int(wait) + 1))]
            if user := next((name for scheme, secret in offered if (name := self._find_user(scheme, secret))), ""):
                scope[USER] = user
            who = next((who for scheme, secret in offered if (who := self._identify(scheme, secret))), "")
            if who := who or (user and f"{user} (token)"):
                scope[WHO] = who
                self._logins.succeeded(who, address, now)
                return None
            self._limit.record(address, now)
            self._logins.failed(address, scope.get("method", "CONNECT"), scope["path"])
            _log.warning("wrong credentials from %s for %s", address, scope["path"][:200].encode("unicode_escape"))
        return 401, [(b"www-authenticate", b'Basic realm="Secure Area"')]

    def lasting(self, scope: Scope) -> AbstractContextManager[None]:
        """For what stays open: it ends with the user whom it is open for."""
        user = scope.get(USER, "")
        return self._users.lasting(user) if user else contextlib.nullcontext()

    def knows(self, user: str) -> bool:
        return user in self._users

    def _find_user(self, scheme: str, secret: bytes) -> str:
        """Of those with tokens of their own; empty for none of them. With Basic the token is the password."""
        if scheme != "bearer" and self._users:
            try:
                secret = base64.b64decode(secret, validate=True).partition(b":")[2]
            except binascii.Error:
                return ""
        return self._users.find(secret)

    def _identify(self, scheme: str, secret: bytes) -> str:
        """Whose credential it is; empty for a wrong one."""
        known = self._credentials
        if scheme == "bearer":
            right = bool(known.token) and hmac.compare_digest(secret, known.token.encode())
            return "token (bearer)" if right else ""
        try:
            pair = base64.b64decode(secret, validate=True)
        except binascii.Error:
            return ""
        if known.password and hmac.compare_digest(pair, f"{known.username}:{known.password}".encode()):
            return f"{known.username} (basic)"
        # Clients that know only Basic can use the token as their password, under any name.
        right = bool(known.token) and hmac.compare_digest(pair.partition(b":")[2], known.token.encode())
        return "token (basic)" if right else ""


def _offered(scope: Scope) -> list[tuple[str, bytes]]:
    """Every credential of the request, as scheme and secret."""
    offered: list[tuple[str, bytes]] = []
    scheme, _, secret = (header(scope, b"authorization") or "").strip().partition(" ")
    if scheme:
        offered.append((scheme.lower() if scheme.lower() in ("basic", "bearer") else "basic", secret.strip().encode()))
    if b"auth_token=" in scope["query_string"]:
        query = parse_qs(scope["query_string"].decode("latin-1"))
        offered += [("basic", token.encode()) for token in query.get("auth_token", [])[:1]]
    return offered
