"""Known secrets taken out of what leaves a process: tool output, events, answers, logs, audit lines.

Only exact findings are replaced. What has been encoded, split or turned around is not found: this keeps accidents from
spreading, the sandbox keeps secrets from being read. Values that could be ordinary text are left alone, for replacing
every "password" of a page would hide nothing and break much.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final, cast

import msgspec

MARK: Final = "[redacted]"
SHORTEST: Final = 8  # characters; shorter values are found all over harmless text
SURELY_NO_WORD: Final = 20  # from this length on letters alone count as a secret
_MARK: Final = MARK.encode()


def is_worth_hiding(value: str) -> bool:
    """Whether a value can be told from ordinary text: long enough, and no mere word."""
    return len(value) >= SURELY_NO_WORD or (len(value) >= SHORTEST and not value.isalpha())


class Redactor:
    """Knows a set of secrets; it can learn more, but not forget any. One per process is enough: see ``KNOWN``."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets: tuple[bytes, ...] = ()
        self._texts: tuple[str, ...] = ()
        self._pattern = re.compile(b"(?!)")
        self._text_pattern = re.compile("(?!)")
        self.learn(secrets)

    def __repr__(self) -> str:
        return f"<Redactor of {len(self._texts)}>"

    def learn(self, secrets: Iterable[str]) -> None:
        found = {form for secret in secrets if is_worth_hiding(secret) for form in _forms(secret)}
        if found <= set(self._texts):
            return
        # Longest first: of two secrets that begin alike the whole longer one is hidden.
        self._texts = tuple(sorted({*self._texts, *found}, key=lambda text: (-len(text), text)))
        self._secrets = tuple(sorted(map(_encode, self._texts), key=lambda secret: (-len(secret), secret)))
        self._pattern = re.compile(b"|".join(map(re.escape, self._secrets)))
        self._text_pattern = re.compile("|".join(map(re.escape, self._texts)))

    @property
    def texts(self) -> tuple[str, ...]:
        """Longest first."""
        return self._texts

    def conceal(self, data: bytes) -> bytes:
        # Searching for each secret by itself is some ten times quicker than the pattern, and almost always enough.
        if any(secret in data for secret in self._secrets):
            return self._pattern.sub(_MARK, data)
        return data

    def conceal_text(self, text: str) -> str:
        if any(secret in text for secret in self._texts):
            return self._text_pattern.sub(MARK, text)
        return text

    def conceal_value(self, value: Any) -> Any:
        """Every string in what JSON can hold, names excepted: they are the protocol's."""
        if isinstance(value, str):
            return self.conceal_text(value)
        if isinstance(value, dict):
            return {name: self.conceal_value(item) for name, item in cast("dict[str, Any]", value).items()}
        if isinstance(value, list | tuple):
            return [self.conceal_value(item) for item in cast("list[Any]", value)]
        return value

    def conceal_json(self, data: bytes) -> bytes:
        """JSON stays JSON: numbers and names are left as they are. What is no JSON is treated as text."""
        if not any(secret in data for secret in self._secrets):
            return data
        try:
            return msgspec.json.encode(self.conceal_value(msgspec.json.decode(data)))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return self.conceal(data)

    def candidates(self, data: bytes) -> Iterator[int]:
        """Where, in ascending order, a secret may begin that ``data`` ends in the middle of."""
        if not self._secrets:
            return
        first = max(0, len(data) - len(self._secrets[0]) + 1)
        tail = data[first:]
        starts = {at for secret in self._secrets for at in _beginnings(tail, secret)}
        yield from (first + at for at in sorted(starts))

    def match(self, data: bytes, position: int) -> re.Match[bytes] | None:
        return self._pattern.search(data, position) if self._secrets else None


class StreamRedactor:
    """For what comes in pieces: whatever may be the beginning of a secret is held back until the rest tells. The
    result does not depend on where the pieces were cut."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._held = b""

    @property
    def holding(self) -> bool:
        return bool(self._held)

    def feed(self, chunk: bytes) -> bytes:
        data = self._held + chunk
        open_ends = list(self._redactor.candidates(data))
        done, position = bytearray(), 0
        while True:
            end = next((at for at in open_ends if at >= position), len(data))
            match = self._redactor.match(data, position)
            # A secret that may begin earlier, or at the same place and be longer, comes before this finding.
            if match is None or match.start() >= end:
                break
            done += data[position : match.start()] + _MARK
            position = match.end()
        done += data[position:end]
        self._held = data[end:]
        return bytes(done)

    def finish(self) -> bytes:
        """The rest: no more comes, so nothing in it is a whole secret but what is one already."""
        rest, self._held = self._redactor.conceal(self._held), b""
        return rest


def _forms(secret: str) -> Iterator[str]:
    """As it is, and as JSON writes it."""
    yield secret
    escaped = msgspec.json.encode(_encode(secret).decode(errors="replace")).decode()[1:-1]
    if escaped != secret:
        yield escaped


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _beginnings(tail: bytes, secret: bytes) -> Iterator[int]:
    at = tail.find(secret[:1])
    while at >= 0:
        if len(tail) - at < len(secret) and secret.startswith(tail[at:]):
            yield at
        at = tail.find(secret[:1], at + 1)


KNOWN: Final = Redactor()
"""What this process knows to be secret. Forked processes inherit it."""
