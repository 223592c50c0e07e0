"""A change of a configuration file: put together by a directory's worker, written by the daemon."""

import msgspec


class ConfigChange(msgspec.Struct, frozen=True):
    """``file`` is absolute. ``seen``: SHA-256 of what ``text`` was made from, empty where there was no file; another
    content by now means that somebody else was quicker. ``text`` is None where nothing is to be written; it is
    bytes because what is text is redacted on its way, and a file must keep its secrets."""

    file: str
    seen: str
    text: bytes | None
    answer: msgspec.Raw = msgspec.Raw(b"{}")  # for the client: what of its request was taken
    keys: list[str] = []  # top-level keys that were changed
    hidden: list[str] = []  # those of them which something that wins over the file sets too
