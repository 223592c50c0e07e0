"""Each program that is spoken with leaves a line at its start and one at its end."""

from typing import Any

import pytest
import trio

from oad.contract.errors import named
from oad.contract.sandbox import Confinement
from oad.workers.audited_exec import AuditedExec
from oad.workers.exec import Command, ExecFailed

from .project.local_exec import LocalExec


class Lines:
    def __init__(self, refusing: bool = False) -> None:
        self.lines: list[tuple[str, dict[str, Any]]] = []
        self._refusing = refusing

    async def before(self, action: str, **fields: Any) -> None:
        if self._refusing:
            raise named(503, "UnavailableError", message="the disk is full")
        self.lines.append((action, fields))

    async def after(self, action: str, **fields: Any) -> None:
        self.lines.append((action, fields))


def audited(lines: Lines) -> AuditedExec:
    return AuditedExec(LocalExec(), lines, Confinement(level="namespaces", profile="workspace", ceiling="full"))


async def test_a_program_that_ends_by_itself() -> None:
    lines = Lines()
    async with audited(lines).open(Command(["sh", "-c", "exit 3"], "/", {})) as running:
        assert await running.read() == b""
        await running.wait()
    (first, started), (second, ended) = lines.lines
    assert (first, started["argv"][0], started["profile"]) == ("exec.started", "sh", "workspace")
    assert (second, ended["end"], ended["exit"], ended["exec"]) == ("exec.ended", "exited", 3, started["exec"])


async def test_a_program_whose_user_is_cancelled() -> None:
    lines = Lines()
    with trio.CancelScope() as scope:
        async with audited(lines).open(Command(["cat"], "/", {"PATH": "/usr/bin:/bin"})):
            scope.cancel()
            await trio.sleep_forever()
    assert [action for action, _ in lines.lines] == ["exec.started", "exec.ended"]


async def test_what_can_not_be_started_and_what_must_not() -> None:
    lines = Lines()
    with pytest.raises(ExecFailed):
        async with audited(lines).open(Command(["/no/such/program"], "/", {})):
            pass
    assert [(action, fields.get("end")) for action, fields in lines.lines][1] == ("exec.ended", "not started")
    with pytest.raises(ExecFailed, match="it is not started: the disk is full"):
        async with audited(Lines(refusing=True)).open(Command(["cat"], "/", {})):
            pass
