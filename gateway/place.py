"""Which directory a request is about."""

import posixpath
from typing import Final
from urllib.parse import unquote

from oad.contract.errors import bad_request

_MAX_LENGTH: Final = 4096


def directory_of(query: str | None, header: str | None, cwd: str) -> str:
    """The query beats the header (which may be percent-encoded); without either it is the server's own directory.

    Raises ApiError for what cannot be a path.
    """
    asked = query or unquote(header or "")
    if not asked:
        return cwd
    if len(asked) > _MAX_LENGTH or not asked.isprintable():
        raise bad_request('Expected a path\n  at ["directory"]', "Query")
    path = posixpath.normpath(posixpath.join(cwd, asked))
    return "/" + path.lstrip("/")
