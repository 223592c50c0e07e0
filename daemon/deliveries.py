"""Requests that are delivered more than once, told by their Idempotency-Key: done once, answered alike.

What a client repeats while the first is under way waits for that one's answer. Prompts are remembered over a restart of
the daemon, too: the id of the message that one makes is fixed and on disk before it goes on its way, so that afterwards
the store tells whether it began, and what it left.
"""

import hashlib
import itertools
import sqlite3
from collections.abc import Callable
from typing import Final

import msgspec
import structlog
import trio

from oad.contract.errors import named
from oad.contract.ids import new_id, now_ms
from oad.contract.policy import AdmissionPolicy
from oad.contract.wire import Call
from oad.link import Answer, Handler, carry_out, refusal

from .journal import Journal
from .register import Delivery, DeliveryKey, Register
from .store import Store
from .store_trouble import diagnose

_log = structlog.get_logger("oad.deliveries")

PROMPTS: Final = frozenset({"session.prompt", "session.prompt_async", "session.command", "session.shell"})
_REMEMBERED: Final = 1024  # answers of other operations
_PRUNE_EVERY: Final = 100  # prompts
_LOOKED_AT: Final = 200  # of the newest messages, for the answer that an interrupted prompt left

Read = Callable[[str, str], bytes]  # a message with its parts, by session and id
Rules = Callable[[], AdmissionPolicy]


class _Known:
    """``answer`` is None until ``done``, or for good when its caller left."""

    def __init__(self, digest: bytes) -> None:
        self.digest = digest
        self.done = trio.Event()
        self.answer: Answer | None = None


class _Wish(msgspec.Struct):
    messageID: str | None = None  # noqa: N815  the wire's name
    noReply: bool | None = None  # noqa: N815


class _Head(msgspec.Struct):
    id: str
    role: str
    parentID: str = ""  # noqa: N815


class Deliveries:
    """``read`` gives a message as clients get it."""

    def __init__(self, register: Register, store: Store, journal: Journal, read: Read, rules: Rules) -> None:
        self._register = register
        self._store = store
        self._journal = journal
        self._read = read
        self._rules = rules
        self._known: dict[DeliveryKey, _Known] = {}  # oldest first
        self._since_prune = 0

    async def answer(self, call: Call, body: bytes, serve: Handler) -> Answer:
        """Of ``serve``, which is not asked again for what it has done already."""
        if not call.key or (call.origin is not None and call.origin.method == "GET"):
            return await carry_out(serve, call, body)
        key = DeliveryKey(call.origin.user if call.origin is not None else "", call.op, call.key)
        digest = _digest(call, body)
        while (known := self._known.get(key)) is not None:
            if known.digest != digest:
                return _reused(call.key)
            await known.done.wait()
            if known.answer is not None:
                return known.answer
        return await self._answer_first(key, _Known(digest), call, body, serve)

    async def _answer_first(self, key: DeliveryKey, mine: _Known, call: Call, body: bytes, serve: Handler) -> Answer:
        self._known[key] = mine
        lasting = call.op in PROMPTS
        try:
            mine.answer = await (self._deliver if lasting else self._carry_out)(key, mine.digest, call, body, serve)
            return mine.answer
        finally:
            # An error is answered alike only to those who wait for it already: later ones may have better luck.
            if lasting or mine.answer is None or mine.answer.status >= 400:
                del self._known[key]
            mine.done.set()
            self._forget_oldest()

    async def _carry_out(self, key: DeliveryKey, digest: bytes, call: Call, body: bytes, serve: Handler) -> Answer:
        return await carry_out(serve, call, body)

    def _forget_oldest(self) -> None:
        done = (key for key, known in self._known.items() if known.done.is_set())
        for key in list(itertools.islice(done, max(0, len(self._known) - _REMEMBERED))):
            del self._known[key]

    # --- prompts --------------------------------------------------------------------------------------------------

    async def _deliver(self, key: DeliveryKey, digest: bytes, call: Call, body: bytes, serve: Handler) -> Answer:
        try:
            found = await self._register.find(key)
            if found is not None and found.digest != digest:
                return _reused(call.key)
            if found is not None:
                answer = found.answer or await self._left(call, body, found.message)
                if answer is not None:
                    await self._finish(key, answer, found)
                    return answer
            message = _wished(body).messageID or new_id("msg")
            await self._register.begin(key, Delivery(digest, message), now_ms())
        except sqlite3.Error as error:
            _log.error("keys of prompts can't be written", error=str(error))
            return refusal(diagnose(error, self._store.path).refusal())
        answer = await carry_out(serve, call, with_message(body, message))
        await self._settle(key, call, message, answer)
        return answer

    async def _settle(self, key: DeliveryKey, call: Call, message: str, answer: Answer) -> None:
        """What was refused before it began may come again under its key."""
        if await self._journal.caught_up() is not None:
            return  # nobody knows yet: the next delivery will find what this one has left
        try:
            if answer.status < 400 or await self._has_begun(call, message):
                await self._register.finish(key, answer)
            else:
                await self._register.forget(key)
            await self._prune()
        except sqlite3.Error as error:  # the message's id is there: it will not be done twice
            _log.error("the answer to a key can't be written", error=str(error))

    async def _finish(self, key: DeliveryKey, answer: Answer, found: Delivery) -> None:
        if found.answer is None:
            await self._register.finish(key, answer)

    async def _has_begun(self, call: Call, message: str) -> bool:
        await self._journal.settled()
        return self._store.message(call.params["sessionID"], message) is not None

    async def _left(self, call: Call, body: bytes, message: str) -> Answer | None:
        """What a prompt left that the last daemon could not answer; None if it never began."""
        session = call.params["sessionID"]
        if not await self._has_begun(call, message):
            return None
        if call.op == "session.prompt_async":
            return Answer(b"", 204)
        if _wished(body).noReply:
            return Answer(self._read(session, message))
        heads = [_head.decode(info) for _, _, info in self._store.messages(session, limit=_LOOKED_AT)]
        answers = [head.id for head in heads if head.role == "assistant" and head.parentID == message]
        if answers:
            return Answer(self._read(session, answers[-1]))
        return _refuse(409, "MessageAbortedError", "Interrupted by a restart of the service before it was answered")

    async def _prune(self) -> None:
        self._since_prune += 1
        if self._since_prune >= _PRUNE_EVERY:
            self._since_prune, rules = 0, self._rules()
            await self._register.prune(now_ms() - int(rules.idempotency_s * 1000), rules.idempotency_keys)


_head: Final = msgspec.json.Decoder(_Head)
_wish: Final = msgspec.json.Decoder(_Wish)


def _wished(body: bytes) -> _Wish:
    """Nothing of a body that does not read: whoever carries it out will say so."""
    try:
        return _wish.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _Wish()


def with_message(body: bytes, message: str) -> bytes:
    """The body of a prompt, with the id that its message shall have. One that does not read stays as it is."""
    try:
        fields = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return body
    return msgspec.json.encode({**fields, "messageID": message})


def _digest(call: Call, body: bytes) -> bytes:
    """Of all that makes a request: JSON that is written otherwise is another one."""
    hashed = hashlib.sha256(msgspec.json.encode(sorted(call.params.items())))
    hashed.update(b"\0" + body)
    return hashed.digest()


def _reused(key: str) -> Answer:
    text = f"The Idempotency-Key {key[:80]!r} came with another request before: a new request needs a new key"
    return _refuse(422, "IdempotencyKeyReusedError", text)


def _refuse(status: int, name: str, message: str) -> Answer:
    error = named(status, name, message=message)
    return Answer(error.encode(), error.status, error.headers)
