import contextlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from records import Recorder, a_session, of_session

from oad.daemon.backup import BackupFailed, make_backup
from oad.daemon.migration import SchemaTooNew
from oad.daemon.restoring import finish_restore, leftovers_of_restores, restore_backup
from oad.daemon.schema import MIGRATIONS, connect
from oad.daemon.store import SessionFilter, Store


def make_data(data: Path, session: str, key: str = "") -> None:
    store, record = Store(data / "oad.db"), Recorder()
    store.commit([record("session.created", of_session(a_session(session)), session=session)], full=True)
    store.close()
    if key:
        (data / "auth.json").write_text(key)


def sessions(data: Path) -> list[str]:
    store = Store(data / "oad.db")
    try:
        return list(store.session_times())
    finally:
        store.close()


@pytest.fixture
def backup(tmp_path: Path) -> Path:
    make_data(tmp_path / "source", "ses_new", "new keys")
    file = tmp_path / "b.tar.gz"
    make_backup(tmp_path / "source", file, secrets=True, settings=(), replace=False)
    return file


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


def test_into_an_empty_directory(backup: Path, data: Path) -> None:
    restored = restore_backup(backup, data, replace=False)
    assert restored.aside is None
    assert sessions(data) == ["ses_new"]
    assert (data / "auth.json").read_text() == "new keys"
    assert {each.name for each in data.iterdir()} == {"oad.db", "auth.json"}
    assert all(each.stat().st_mode & 0o777 == 0o600 for each in data.iterdir())


def test_what_was_there_is_kept_aside_and_only_when_asked(backup: Path, data: Path) -> None:
    make_data(data, "ses_old", "old keys")
    (data / "oad.db-wal").write_bytes(b"of the old one")
    with pytest.raises(BackupFailed, match="--force replaces it"):
        restore_backup(backup, data, replace=False)
    (data / "admission.db").write_text("prompts for the old one")
    (data / "mcp-auth.json").write_text("stays")
    aside = restore_backup(backup, data, replace=True).aside
    assert aside is not None
    assert sessions(data) == ["ses_new"]
    assert (data / "mcp-auth.json").read_text() == "stays"
    assert sorted(each.name for each in aside.iterdir()) == [
        "admission.db",
        "auth.json",
        "oad.db",
        "oad.db-wal",
    ]
    (aside / "oad.db-wal").unlink()
    assert sessions(aside) == ["ses_old"]
    assert aside.stat().st_mode & 0o777 == 0o700


def test_a_bad_backup_changes_nothing(backup: Path, data: Path) -> None:
    make_data(data, "ses_old")
    before = sorted(each.name for each in data.iterdir())
    whole = backup.read_bytes()
    for cut in (0, 20, len(whole) // 2, len(whole) * 3 // 4):
        backup.write_bytes(whole[:cut])
        with pytest.raises(BackupFailed):
            restore_backup(backup, data, replace=True)
    assert sorted(each.name for each in data.iterdir()) == before
    assert sessions(data) == ["ses_old"]


def test_a_newer_backup_is_refused(tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch, backup: Path) -> None:
    monkeypatch.setattr("oad.daemon.restoring.MIGRATIONS", MIGRATIONS[:-1])
    with pytest.raises(SchemaTooNew, match=f"version {len(MIGRATIONS)}, this oad knows {len(MIGRATIONS) - 1}"):
        restore_backup(backup, data, replace=False)
    assert list(data.iterdir()) == []


def test_what_a_killed_command_has_unpacked_goes(backup: Path, data: Path) -> None:
    (data / ".restore-x").mkdir()
    (data / ".restore-x/oad.db").write_text("half")
    assert leftovers_of_restores(data) == [data / ".restore-x"]
    restore_backup(backup, data, replace=False)
    assert leftovers_of_restores(data) == []


_VICTIM = """
import os, signal, sys
from pathlib import Path
from oad.daemon.restoring import restore_backup
at = count = 0

def die(event, arguments):
    global count
    if event in ("os.rename", "os.mkdir", "os.rmdir", "os.remove", "shutil.rmtree", "sqlite3.connect"):
        count += 1
        if count == at:
            os.kill(os.getpid(), signal.SIGKILL)

for place in sys.stdin:
    at += 1
    child = os.fork()
    if child == 0:
        sys.addaudithook(die)
        restore_backup(Path(sys.argv[1]), Path(place.strip()), replace=True)
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


def peek(data: Path) -> str:
    with contextlib.closing(connect(data / "oad.db", readonly=True)) as db:
        (found,) = db.execute("SELECT id FROM session").fetchone()
    return str(found)


def test_a_restore_that_is_killed_leaves_the_old_or_the_new(backup: Path, tmp_path: Path) -> None:
    """Never a mixture: the sessions and keys of one, and the old ones are somewhere."""
    make_data(tmp_path / "old", "ses_old", "old keys")
    found, status = list[str](), -9
    with subprocess.Popen(
        [sys.executable, "-c", _VICTIM, backup], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as victim:
        assert victim.stdin and victim.stdout
        while status == -9:
            data = tmp_path / str(len(found))
            shutil.copytree(tmp_path / "old", data)
            print(data, file=victim.stdin, flush=True)
            status = int(victim.stdout.readline())
            finish_restore(data)
            found.append(peek(data))
            assert (data / "auth.json").read_text() == found[-1].removeprefix("ses_") + " keys"
            if found[-1] == "ses_new":
                (aside,) = data.glob("before-restore-*")
                assert peek(aside) == "ses_old"
                assert (aside / "auth.json").read_text() == "old keys"
            assert not (data / "restore-ready").exists()
        victim.stdin.close()
    assert status == 0
    assert found == sorted(found, reverse=True)
    assert len(found) > 8
    assert set(found) == {"ses_old", "ses_new"}


def test_nothing_to_finish(data: Path) -> None:
    make_data(data, "ses_old")
    assert finish_restore(data) is None
    assert os.listdir(data) == ["oad.db"]


def test_a_restored_store_is_a_store(backup: Path, data: Path) -> None:
    restore_backup(backup, data, replace=False)
    store = Store(data / "oad.db")
    assert len(store.sessions(SessionFilter())) == 1
    record = Recorder()
    record._seq = store.last_seq()
    store.commit([record("x", {})], full=True)
    assert store.last_seq() == 2
    store.close()
