"""Users with tokens of their own, as their file has them now, and what is open on their behalf."""

import contextlib
import hmac
import logging
from collections.abc import Callable, Generator, Mapping

import trio

from oad.contract.redact import KNOWN

_log = logging.getLogger("oad.gateway.users")

Reread = Callable[[], dict[str, str]]  # raises UsersUnreadable


class UsersUnreadable(Exception):
    """The text names the file, its line, and what is wrong there."""


class Users:
    """``tokens`` by user. ``reread`` gives those that hold from now on."""

    def __init__(self, tokens: Mapping[str, str] | None = None, reread: Reread | None = None) -> None:
        self._tokens = dict(tokens or {})
        self._reread = reread
        self._open: dict[str, set[trio.CancelScope]] = {}

    def __bool__(self) -> bool:
        return bool(self._tokens)

    def __contains__(self, user: object) -> bool:
        return user in self._tokens

    def find(self, token: bytes) -> str:
        """Whose it is; empty for nobody's. Takes as long whoever it is."""
        found = [user for user, known in self._tokens.items() if hmac.compare_digest(token, known.encode())]
        return found[0] if found else ""

    @contextlib.contextmanager
    def lasting(self, user: str) -> Generator[None]:
        """What is done inside ends with the user, or with the token that let it in."""
        with trio.CancelScope() as scope:
            scopes = self._open.setdefault(user, set())
            scopes.add(scope)
            try:
                yield
            finally:
                scopes.discard(scope)
                if not scopes and self._open.get(user) is scopes:
                    del self._open[user]

    def reload(self) -> None:
        """Keeps the users as they are, and says why, when their file is broken."""
        if self._reread is None:
            return
        try:
            wanted = self._reread()
        except UsersUnreadable as error:
            _log.error("the users are not taken over: %s", error)
            return
        old, self._tokens = self._tokens, wanted
        KNOWN.learn(wanted.values())
        gone = [user for user, token in old.items() if wanted.get(user) != token]
        for user in gone:
            for scope in tuple(self._open.get(user, ())):
                scope.cancel()
        if gone or wanted.keys() - old.keys():
            come = sorted(user for user, token in wanted.items() if old.get(user) != token)
            _log.warning(
                "users taken over: new or with a new token %s; gone %s", come, sorted(old.keys() - wanted.keys())
            )
