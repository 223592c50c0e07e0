"""What a program writes arrives without the secrets this process knows."""

import pytest

from oad.contract.redact import MARK, Redactor
from oad.workers import redacted_exec
from oad.workers.exec import Chunk, Command, Outcome
from oad.workers.redacted_exec import RedactedExec

KEY = "sk-tried-12345678"


class Scripted:
    def __init__(self, out: list[bytes], err: list[bytes] | None = None, failure: Exception | None = None) -> None:
        self._out, self._err, self._failure = out, err or [], failure

    async def run(
        self,
        command: Command,
        *,
        on_stdout: Chunk,
        on_stderr: Chunk | None = None,
        timeout_s: float | None = None,
        grace_s: float = 0.2,
    ) -> Outcome:
        for chunk in self._out:
            await on_stdout(chunk)
        for chunk in self._err:
            await (on_stderr or on_stdout)(chunk)
        if self._failure is not None:
            raise self._failure
        return Outcome(0)


@pytest.fixture(autouse=True)
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redacted_exec, "KNOWN", Redactor([KEY]))


async def collect(inner: Scripted) -> tuple[bytes, bytes]:
    out, err = bytearray(), bytearray()

    async def take(chunk: bytes) -> None:
        out.extend(chunk)

    async def take_error(chunk: bytes) -> None:
        err.extend(chunk)

    try:
        await RedactedExec(inner).run(Command(["x"], "/", {}), on_stdout=take, on_stderr=take_error)
    except OSError:
        pass
    return bytes(out), bytes(err)


async def test_secrets_are_hidden_across_chunks_and_streams() -> None:
    half, rest = KEY[:7].encode(), KEY[7:].encode()
    out, err = await collect(Scripted([b"a" + half, rest + b"b"], [half, b"not"]))
    assert out == f"a{MARK}b".encode()
    assert err == half + b"not"


async def test_what_was_held_back_arrives_when_the_call_fails() -> None:
    out, _ = await collect(Scripted([KEY[:7].encode()], failure=OSError("x")))
    assert out == KEY[:7].encode()
