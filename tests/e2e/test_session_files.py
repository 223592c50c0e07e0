"""``oad export`` and ``oad import``, on a real server."""

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import trio

from oad.cli.session_files import ExportOptions, ImportOptions, export_session, import_sessions
from oad.cli.target_options import TargetOptions

from ..daemon.bundles.files import REFERENCE, SUBAGENT
from .server import Server


class Commands:
    """As a shell would run them in the project directory."""

    def __init__(self, server: Server, captured: pytest.CaptureFixture[str]) -> None:
        self._target = TargetOptions(data_dir=server.data)
        self._project = str(server.project)
        self._captured = captured

    async def export(self, session: str, **options: object) -> str:
        wanted = ExportOptions(session, **options)  # type: ignore[arg-type]
        assert await trio.to_thread.run_sync(export_session, self._target, wanted) == 0
        return self._captured.readouterr().out

    async def take_in(self, *files: Path | str, status: int = 0, **options: bool) -> str:
        wanted = ImportOptions(tuple(map(str, files)), self._project, **options)
        assert await trio.to_thread.run_sync(import_sessions, self._target, wanted) == status
        said = self._captured.readouterr()
        return said.err if status else said.out


async def test_sessions_leave_and_arrive_as_files(
    make_server: Callable[..., Server],
    place: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = make_server("server")
    await server.start()
    commands = Commands(server, capsys)
    session = await server.create()
    await server.prompt(session, "hello there")
    file = place / "one.json"
    await commands.export(session, children=True, output=file)
    assert file.stat().st_mode & 0o777 == 0o600
    assert "hello there" in await commands.export(session, format="markdown")
    out = await commands.take_in(file)
    copy = out.split()[0]
    assert copy != session
    assert f"in the file {session}" in out
    was, now = json.loads(file.read_text()), json.loads(await commands.export(copy))
    assert len(now["messages"]) == len(was["messages"]) > 1
    assert now["info"]["time"] == was["info"]["time"]
    assert (await commands.take_in(file, keep=True)).split()[:2] == [session, "present"]
    assert (await server.prompt(copy, "go on"))["info"]["sessionID"] == copy, "it can be taken up again"
    await _check_foreign(server, commands, place, monkeypatch)


async def _check_foreign(server: Server, commands: Commands, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of the reference: all or none."""
    whole, child, broken = (place / name for name in ("whole.json", "child.json", "broken.json"))
    whole.write_bytes(REFERENCE)
    child.write_bytes(SUBAGENT)
    broken.write_bytes(SUBAGENT.replace(b'"text": "Count', b'"text": 5, "x": "Count'))
    before = len(await server.ask("GET", "/session"))
    said = await commands.take_in(whole, broken, status=1)
    assert said.startswith(f"oad: {broken}: 400: ")
    assert 'at [1]["messages"][0]["parts"][0]["text"]' in said
    assert len(await server.ask("GET", "/session")) == before
    told = await commands.take_in(whole, child)
    assert [line.split()[1:3] for line in told.splitlines()] == [["created", "18"], ["created", "2"]]
    assert "No such file" in await commands.take_in(place / "none.json", status=1)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(SUBAGENT)))
    assert "replaced  2 messages" in await commands.take_in("-", replace=True)
