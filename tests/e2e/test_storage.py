"""`oad backup`, `restore` and `gc` as an administrator uses them, on a server that works meanwhile and on none."""

import contextlib
import json
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trio

from .server import Json, Server, open_messages, until
from .test_run_command import Shell


@pytest.fixture
def commands(place: Path) -> Iterator[Callable[[Server], Shell]]:
    made: list[Shell] = []

    def make(server: Server) -> Shell:
        made.append(Shell(place / "server", server.project, server.data))
        return made[-1]

    yield make
    for shell in made:
        for process in shell.started:
            if process.poll() is None:
                process.kill()
            process.communicate()


async def everything(server: Server) -> dict[str, Json]:
    """All sessions with their messages, as clients see them."""
    sessions = await server.ask("GET", "/session")
    return {each["id"]: (each, await server.messages(each["id"])) for each in sessions}


async def test_a_backup_under_running_turns_is_restored_to_equal_sessions(
    make_server: Callable[..., Server], commands: Callable[[Server], Shell], place: Path
) -> None:
    server = make_server()
    await server.start()
    oad = commands(server)
    for number in range(3):
        await server.prompt(await server.create(title=f"done {number}"), f"run echo {number}")
    before = await everything(server)
    running = await server.create(title="running")
    await server.prompt_async(running, "run sleep 60")
    await until(lambda: bool([p for p in server.processes() if p.name() == "sleep"]), "the command runs")
    async with trio.open_nursery() as nursery:

        async def busy() -> None:
            session = await server.create(title="busy")
            while True:
                await server.prompt(session, "run echo more")

        nursery.start_soon(busy)
        file = place / "backup.tar.gz"
        out, _ = await oad("backup", str(file), "--credentials")
        assert "oad.db" in out
        nursery.cancel_scope.cancel()
    await server.stop()

    second = make_server("second")
    restoring = commands(second)
    out, _ = await restoring("restore", str(file))
    assert "the state of" in out
    await second.start()
    after = await everything(second)
    assert {id: after[id] for id in before} == before
    assert {after[id][0]["title"] for id in after} - {"busy"} == {"done 0", "done 1", "done 2", "running"}
    await until(lambda: _is_closed(second, running), "the turn that ran is closed")
    await second.prompt(running, "run echo again")
    _, err = await restoring("restore", str(file), "--force", status=1)
    assert "stop it first" in err


async def _is_closed(server: Server, session: str) -> bool:
    return session not in await server.statuses() and not open_messages(await server.messages(session))


async def test_garbage_is_collected_by_the_server_or_without_it(
    server: Server, commands: Callable[[Server], Shell]
) -> None:
    oad = commands(server)
    kept, deleted = await server.create(), await server.create()
    for session in (kept, deleted):
        await server.prompt(session, "run echo marmalade")
    scratch = server.data / "scratch"
    assert (scratch / deleted).is_dir()
    await server.ask("DELETE", f"/session/{deleted}")
    assert not (scratch / deleted).exists()
    assert _rows(server, deleted) == {"event": 1}  # the news of its end
    (scratch / "ses_orphan1").mkdir()
    (scratch / "ses_orphan1" / "file").write_text("x")

    report = json.loads((await oad("gc", "--dry-run", "--json"))[0])
    assert {each["kind"]: each["items"] for each in report["removed"]}["scratch"] == 1
    assert (scratch / "ses_orphan1").is_dir()
    out, _ = await oad("gc")
    assert "working space of sessions that are no more" in out
    assert not (scratch / "ses_orphan1").exists()
    assert (scratch / kept).is_dir()

    await server.stop()
    (scratch / "ses_orphan1").mkdir()
    report = json.loads((await oad("gc", "--json"))[0])
    assert {each["kind"]: each["items"] for each in report["removed"]}["scratch"] == 1
    assert not (scratch / "ses_orphan1").exists()
    await server.start()
    assert await server.messages(kept)


def _rows(server: Server, session: str) -> dict[str, int]:
    """By table, as far as there are any."""
    with contextlib.closing(sqlite3.connect(f"file:{server.data / 'oad.db'}?mode=ro", uri=True)) as db:
        tables = ("event", "message", "part", "todo", "diff", "receipt", "sandbox", "share", "aggregate")
        counts = {
            t: db.execute(f"SELECT count(*) FROM {t} WHERE session = ?", (session,)).fetchone()[0] for t in tables
        }
    return {table: count for table, count in counts.items() if count}


async def test_a_newer_store_is_refused_and_left_alone(place: Path, commands: Callable[[Server], Shell]) -> None:
    (place / "server").mkdir()
    (place / "project").mkdir()
    server = Server(place / "server", place / "project")
    server.data.mkdir()
    file = server.data / "oad.db"
    with contextlib.closing(sqlite3.connect(file)) as db:
        db.execute("CREATE TABLE future (x)")
        db.execute("PRAGMA user_version = 999")
    before = file.read_bytes()
    oad = commands(server)
    _, err = await oad("serve", "--no-auth", "--port", "0", status=1)
    assert "has schema version 999" in err
    assert "use a newer oad" in err
    for command in (("gc",), ("backup", str(place / "b"))):
        _, err = await oad(*command, status=1)
        assert "use a newer oad" in err
    assert file.read_bytes() == before
