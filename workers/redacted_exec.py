"""Exec whose output holds no known secret: nothing of it that is shown, stored or sent to a model can."""

from contextlib import AbstractAsyncContextManager

import trio

from oad.contract.redact import KNOWN, StreamRedactor

from .exec import Chunk, Command, Exec, Outcome, Running


class RedactedExec:
    """See Exec. What may be the beginning of a secret arrives with the next chunk, or at the end."""

    def __init__(self, inner: Exec) -> None:
        self._inner = inner

    async def run(
        self,
        command: Command,
        *,
        on_stdout: Chunk,
        on_stderr: Chunk | None = None,
        timeout_s: float | None = None,
        grace_s: float = 0.2,
    ) -> Outcome:
        out = _Filter(on_stdout)
        err = _Filter(on_stderr) if on_stderr is not None else None
        try:
            return await self._inner.run(
                command, on_stdout=out.take, on_stderr=err.take if err else None, timeout_s=timeout_s, grace_s=grace_s
            )
        finally:
            # Also of a cancelled call: what came so far is kept.
            with trio.CancelScope(shield=True):
                await out.finish()
                if err is not None:
                    await err.finish()

    def open(self, command: Command, *, grace_s: float = 0.2) -> AbstractAsyncContextManager[Running]:
        """As it is: a mark in place of a secret would break a protocol that counts its bytes. Whoever takes messages
        apart redacts what goes on from there; what the program complains of is redacted where it is kept."""
        return self._inner.open(command, grace_s=grace_s)


class _Filter:
    def __init__(self, on_chunk: Chunk) -> None:
        self._on_chunk = on_chunk
        self._stream = StreamRedactor(KNOWN)

    async def take(self, chunk: bytes) -> None:
        if clean := self._stream.feed(chunk):
            await self._on_chunk(clean)

    async def finish(self) -> None:
        if rest := self._stream.finish():
            await self._on_chunk(rest)
