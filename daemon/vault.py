"""The secrets of the server's environment: taken out of it at the start, kept in memory, handed to workers.

A variable can be read by every process of the same user in ``/proc/PID/environ``, and is inherited by whatever is
started. Workers, which need the keys to reach models, get them over their link; what they start gets none.
"""

import re
from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any, Final

from . import procs

# Parts of a name that say that its value is a secret. Names of one's own choice should have one of them.
_SECRET_NAME: Final = re.compile(
    r"(?:^|_)(?:API_?KEY|APIKEY|KEY|KEYS|TOKEN|TOKENS|PAT|SECRET|SECRETS|PASSWORD|PASSWD|PASSPHRASE|PWD_HASH"
    r"|CREDENTIAL|CREDENTIALS|ACCESS_KEY_ID|AUTHORIZATION|COOKIE|DSN|DATABASE_URL)(?:_|$)",
    re.IGNORECASE,
)
_MAY_HOLD_SECRETS: Final = frozenset(
    {"OPENCODE_CONFIG_CONTENT", "OPENCODE_AUTH_CONTENT"}
)  # not itself one, but keys may stand in it
_WITH_LOGIN: Final = re.compile(r"\A\w[\w+.-]*://[^/@\s]*:([^/@\s]+)@")  # such as a proxy's address


def is_secret(name: str, value: str) -> bool:
    """A path or a number under a telling name is none: it only leads to a secret, or is a setting."""
    if name in _MAY_HOLD_SECRETS or _WITH_LOGIN.match(value):
        return True
    return bool(_SECRET_NAME.search(name)) and not value.startswith(("/", "~")) and not value.isdigit()


def take_secrets(environment: MutableMapping[str, str]) -> dict[str, str]:
    """Removes them, also from what ``/proc`` shows of this process and of those that it forks from now on. Call it
    before the memory of the process is hidden."""
    taken = {name: value for name, value in environment.items() if value and is_secret(name, value)}
    for name in taken:
        del environment[name]
    procs.blank_environment(taken)
    return taken


def values_of(environment: Mapping[str, str]) -> list[str]:
    """What must not be seen of these variables."""
    logins = [match[1] for value in environment.values() if (match := _WITH_LOGIN.match(value))]
    return [*(value for name, value in environment.items() if name not in _MAY_HOLD_SECRETS), *logins]


def secrets_of(credentials: Mapping[str, Mapping[str, Any]]) -> Iterable[str]:
    """The secret texts of a credential store's entries. The ``key`` of a "wellknown" one is the name of a variable."""
    for entry in credentials.values():
        names = ("token",) if entry.get("type") == "wellknown" else ("key", "access", "refresh", "token")
        yield from (value for name in names if isinstance(value := entry.get(name), str))
