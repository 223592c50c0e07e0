"""Where skills that were fetched lie."""

import hashlib


def folder_of(url: str) -> str:
    """The folder's name, in the cache, for the skills of an index."""
    return hashlib.sha256(url.encode()).hexdigest()[:16]
