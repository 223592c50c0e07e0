"""Further users, besides whoever has the server's own credential, each with a token, in a file of the operator's."""

import re
from pathlib import Path
from typing import Final

from .refusal import Refused

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
_SHORTEST: Final = 16  # characters of a token


def read_users(file: str) -> dict[str, str]:
    """Tokens by user. Each line has a name, blanks, and a token; ``#`` begins a comment. Raises Refused."""
    if not file:
        return {}
    path = Path(file)
    try:
        lines = path.read_text("ascii").splitlines()
        mode = path.stat().st_mode
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"[server] users_file {file}: {error}") from error
    if mode & 0o007:
        raise Refused(f"[server] users_file {file}: everybody on this host could use it: chmod o= {file}")
    users: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        if words := line.partition("#")[0].split():
            _add(users, words, f"[server] users_file {file}, line {number}")
    return users


def _add(users: dict[str, str], words: list[str], where: str) -> None:
    if len(words) != 2 or not _NAME.fullmatch(words[0]):
        raise Refused(f"{where}: expected a name and a token")
    name, token = words
    if len(token) < _SHORTEST:
        raise Refused(f"{where}: the token of {name} has less than {_SHORTEST} characters")
    if name in users or token in users.values():
        raise Refused(f"{where}: the name or the token of {name} is there already")
    users[name] = token
