"""A session as JSON, in the form of the reference's exports. Records go out as the bytes that they are."""

from collections.abc import Callable

from oad.contract.errors import ApiError, named
from oad.contract.session_file import LARGEST

from ..store import Store

Conceal = Callable[[bytes], bytes]
"""Takes secrets out of a JSON record."""

_EMPTY = b"[]"


class Writer:
    """Blocks; for a thread of its own. ``conceal`` sees every record that goes out."""

    def __init__(self, store: Store, conceal: Conceal, *, largest: int = LARGEST) -> None:
        self._store = store
        self._conceal = conceal
        self._left = self._largest = largest

    def write(self, session: str, info: bytes, *, children: bool) -> bytes:
        """Raises ApiError 413 when it is more than one answer should carry."""
        store = self._store
        pieces = [b'{"info":', self._take(info), b',"messages":[', b",".join(self._messages(session)), b"]"]
        for name, data in ((b"todos", store.todo(session)), (b"diff", store.diff(session))):
            if data != _EMPTY:
                pieces += [b',"%b":' % name, self._take(data)]
        if children:
            pieces += [b',"children":[', b",".join(self._children(session)), b"]"]
        return b"".join([*pieces, b"}"])

    def _children(self, session: str) -> list[bytes]:
        found = ((id, self._store.session(id)) for id in self._store.child_ids(session))
        return [self.write(id, info, children=True) for id, info in found if info is not None]

    def _messages(self, session: str) -> list[bytes]:
        messages, parts = self._store.messages(session), self._store.parts(session)
        grouped: dict[str, list[bytes]] = {}
        for message, _, data in parts:
            grouped.setdefault(message, []).append(self._take(data))
        return [
            b'{"info":%b,"parts":[%b]}' % (self._take(info), b",".join(grouped.pop(id, []))) for id, _, info in messages
        ]

    def _take(self, record: bytes) -> bytes:
        self._left -= len(record)
        if self._left < 0:
            raise too_large(self._largest)
        return self._conceal(record)


def too_large(largest: int) -> ApiError:
    text = f"The session is larger than {largest >> 20} MiB: export its subagents' sessions one by one"
    return named(413, "PayloadTooLargeError", message=text)
