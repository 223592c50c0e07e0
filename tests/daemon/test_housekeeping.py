import os
from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest
import trio
from live import Live, live_daemon
from records import a_session

from oad.contract.ids import now_ms
from oad.contract.policy import Policy, StoragePolicy
from oad.contract.session import SessionTime
from oad.contract.upkeep import KINDS, SweepReport
from oad.daemon.housekeeping import Housekeeping
from oad.daemon.own_directories import OwnDirectories
from oad.daemon.sessions import place_of

DAY_MS = 86_400_000


def policy(**storage: int) -> Policy:
    return Policy(storage=StoragePolicy(**storage))


async def sweep(live: Live, *, dry: bool = False) -> Mapping[str, int]:
    """Items by kind, of those that are any."""
    answer = await live.ask("oad.sweep", dryRun="true" if dry else "false")
    report = msgspec.json.decode(answer.body, type=SweepReport)
    assert report.dry_run == dry
    assert [each.kind for each in report.removed] == list(KINDS)
    assert report.left == []
    return {each.kind: each.items for each in report.removed if each.items and each.kind != "pages"}


def scratch(live: Live) -> list[str]:
    return sorted(os.listdir(live.settings.scratch))


async def test_what_is_in_use_or_known_stays(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live, trio.open_nursery() as nursery:
        await live.session("ses_known")
        await live.session("ses_a")
        worker, _ = await live.begin(nursery)
        own = OwnDirectories(live.settings.scratch)
        for name in ("ses_known", "ses_gone", "pty_gone"):
            (own.make(name) / "file").write_text("x")
        before = scratch(live)
        assert await sweep(live, dry=True) == {"scratch": 2}
        assert scratch(live) == before
        assert await sweep(live) == {"scratch": 2}
        assert scratch(live) == sorted({*before} - {"ses_gone", "pty_gone"})
        assert worker.spec.scratch.rpartition("/")[2] in scratch(live)
        worker.finish.set()


async def test_a_worker_that_begins_meanwhile_keeps_its_place(tmp_path: Path) -> None:
    """Its directory was found to be nobody's, and is somebody's again when it is to go."""
    async with live_daemon(tmp_path) as live:
        name = Path((await live.supervisor.ensure("project", "/p", "/p")).spec.scratch).name
        await live.supervisor.end_project("/p")
        own = OwnDirectories(live.settings.scratch)
        os.utime(own.make(name), (1, 1))
        keeper = Housekeeping(live.services)
        real = keeper._set_aside

        async def late(*arguments: object) -> None:
            await live.supervisor.ensure("project", "/p", "/p")
            await real(*arguments)  # type: ignore[arg-type]

        keeper._set_aside = late  # type: ignore[method-assign]
        await keeper.sweep(dry=False, thorough=False)
        assert scratch(live) == [name]


async def test_sessions_go_by_age_when_told_so(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live, trio.open_nursery() as nursery:
        old, young = SessionTime(created=1, updated=1), SessionTime(created=1, updated=now_ms())
        await live.session("ses_old", time=old)
        await live.session("ses_oldchild", time=old, parent_id="ses_old")
        await live.session("ses_oldroot", time=old)
        await live.session("ses_youngchild", time=young, parent_id="ses_oldroot")
        await live.session("ses_a", time=old)
        worker, _ = await live.begin(nursery)
        assert await sweep(live) == {}
        live.settings.policy = policy(sessions_days=30)
        assert await sweep(live, dry=True) == {"sessions": 2}
        assert await sweep(live) == {"sessions": 2}
        assert sorted(live.store.session_times()) == ["ses_a", "ses_oldroot", "ses_youngchild"]
        assert live.types().count("session.deleted") == 2
        worker.finish.set()


async def test_archived_ones_have_an_age_of_their_own(tmp_path: Path) -> None:
    async with live_daemon(tmp_path, policy=policy(archived_days=2)) as live:
        now = now_ms()
        for name, days in (("ses_a", 1), ("ses_b", 3)):
            await live.session(name, time=SessionTime(created=1, updated=now, archived=now - days * DAY_MS))
        await live.session("ses_c", time=SessionTime(created=1, updated=now))
        assert await sweep(live) == {"sessions": 1}
        assert sorted(live.store.session_times()) == ["ses_a", "ses_c"]


async def test_events_are_counted_and_then_forgotten(tmp_path: Path) -> None:
    async with live_daemon(tmp_path, policy=policy(events=5)) as live:
        for _ in range(20):
            live.journal.append("x", {}, place_of(a_session()))
        await live.journal.settled()
        assert await sweep(live, dry=True) == {"events": 15}
        assert live.store.horizon() == 0
        assert await sweep(live) == {"events": 15}
        assert live.store.horizon() == 15


async def test_outputs_logs_and_copies(tmp_path: Path) -> None:
    settings = {"policy": policy(migration_copies=1, log_files=1), "log_file": tmp_path / "oad.log"}
    async with live_daemon(tmp_path, **settings) as live:
        await live.session("ses_a")
        output = OwnDirectories(live.settings.scratch).make("ses_a") / "tool-output"
        output.mkdir()
        (output / "old").write_text("x" * 5000)
        os.utime(output / "old", (1, 1))
        for number in (1, 2):
            (tmp_path / f"oad.log.{number}").write_text("x")
        for number in (1, 2):
            (tmp_path / f"oad.v{number}-x.bak").write_text("x")
            os.utime(tmp_path / f"oad.v{number}-x.bak", (number, number))
        (tmp_path / "oad.bak.new").write_text("x")
        (live.settings.data / ".restore-x").mkdir(parents=True)
        wanted = {"outputs": 1, "logs": 1, "copies": 3}
        assert await sweep(live, dry=True) == wanted
        assert await sweep(live) == wanted
        assert await sweep(live) == {}
        assert [name for name in os.listdir(tmp_path) if ".bak" in name] == ["oad.v2-x.bak"]


async def test_it_happens_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("oad.daemon.housekeeping._FIRST_S", 0)
    monkeypatch.setattr("oad.daemon.housekeeping._EVERY_S", 0.01)
    async with live_daemon(tmp_path) as live, trio.open_nursery() as nursery:
        nursery.start_soon(Housekeeping(live.services).run)
        for _ in range(2):
            OwnDirectories(live.settings.scratch).make("ses_gone")
            with trio.fail_after(30):
                while scratch(live):
                    await trio.testing.wait_all_tasks_blocked(0.005)
        nursery.cancel_scope.cancel()
