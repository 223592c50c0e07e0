import io
import os
import tarfile
import threading
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from records import Recorder, a_session, a_text, a_user, of_message, of_part, of_session

from oad.daemon import backup
from oad.daemon.backup import BackupFailed, Entry, Manifest, make_backup, opened_backup, verified
from oad.daemon.migration import SchemaTooNew
from oad.daemon.schema import MIGRATIONS
from oad.daemon.store import Store


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """With a session and keys."""
    data = tmp_path / "data"
    store, record = Store(data / "oad.db"), Recorder()
    store.commit(
        [
            record("session.created", of_session(a_session())),
            record("message.updated", of_message(a_user())),
            record("message.part.updated", of_part(a_text(message="msg_1", text="hello"))),
        ],
        full=True,
    )
    store.close()
    (data / "auth.json").write_text('{"p":{"type":"api","key":"k"}}')
    return data


def back_up(data: Path, target: Path, *, secrets: bool = False, replace: bool = False) -> Manifest:
    return make_backup(data, target, secrets=secrets, settings=(), replace=replace)


def names(manifest: Manifest) -> list[str]:
    return [entry.name for entry in manifest.files]


def rewrite(file: Path, change: Callable[[str, bytes], list[tuple[str, bytes]]]) -> None:
    """Each member of a backup becomes what ``change`` makes of it."""
    with tarfile.open(file) as archive:
        members = [(m.name, (archive.extractfile(m) or io.BytesIO()).read()) for m in archive.getmembers()]
    with tarfile.open(file, "w:gz") as archive:
        for name, content in [new for member in members for new in change(*member)]:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))


def read(file: Path, into: Path | None = None) -> Manifest:
    with opened_backup(file) as (manifest, archive):
        list(verified(manifest, archive, into))
    return manifest


def test_the_store_alone_unless_keys_are_asked_for(data: Path, tmp_path: Path) -> None:
    target = tmp_path / "b.tar.gz"
    manifest = back_up(data, target)
    assert names(manifest) == ["oad.db"]
    assert manifest.schema == len(MIGRATIONS)
    assert target.stat().st_mode & 0o777 == 0o600
    assert names(read(target)) == ["oad.db"]
    assert names(back_up(data, tmp_path / "c.tar.gz", secrets=True)) == ["oad.db", "auth.json"]
    assert sorted(each.name for each in tmp_path.iterdir()) == ["b.tar.gz", "c.tar.gz", "data"]


def test_settings_go_along(data: Path, tmp_path: Path) -> None:
    (tmp_path / "oad.toml").write_text("[server]\n")
    make_backup(data, tmp_path / "b", secrets=False, settings=[tmp_path / "oad.toml"], replace=False)
    (tmp_path / "out").mkdir()
    assert names(read(tmp_path / "b", tmp_path / "out")) == ["oad.db", "settings/oad.toml"]
    assert (tmp_path / "out/settings-oad.toml").read_text() == "[server]\n"


def test_it_is_consistent_while_the_journal_writes(data: Path, tmp_path: Path) -> None:
    store, record, stop = Store(data / "oad.db"), Recorder(), threading.Event()
    record._seq = 3

    def write() -> None:
        while not stop.is_set():
            both = [record("message.updated", of_message(a_user(f"msg_{record._seq}"))) for _ in range(2)]
            store.commit(both, full=False)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        back_up(data, tmp_path / "b")
    finally:
        stop.set()
        thread.join()
        store.close()
    (tmp_path / "out").mkdir()
    read(tmp_path / "b", tmp_path / "out")
    copy = Store(tmp_path / "out/oad.db")
    assert copy.last_seq() % 2 == 1  # three, and then in pairs
    assert len(copy.messages("ses_a")) == copy.last_seq() - 2
    copy.close()


def test_what_is_there_is_not_replaced_unasked(data: Path, tmp_path: Path) -> None:
    (tmp_path / "b").write_text("mine")
    with pytest.raises(BackupFailed, match="b exists; --force replaces it"):
        back_up(data, tmp_path / "b")
    assert (tmp_path / "b").read_text() == "mine"
    back_up(data, tmp_path / "b", replace=True)
    read(tmp_path / "b")


def test_what_can_not_be_is_said(data: Path, tmp_path: Path) -> None:
    with pytest.raises(BackupFailed, match="there is no store in"):
        back_up(tmp_path / "nothing", tmp_path / "b")
    with pytest.raises(BackupFailed, match="No such file or directory"):
        back_up(data, tmp_path / "missing/b")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
def test_a_full_disk_leaves_nothing(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.open

    def full(path: Path, flags: int, mode: int = 0o777, **other: int) -> int:
        return real("/dev/full", os.O_WRONLY) if str(path).endswith("archive") else real(path, flags, mode, **other)

    monkeypatch.setattr(backup.os, "open", full)
    with pytest.raises(BackupFailed, match=r"can't write .*b: No space left on device"):
        back_up(data, tmp_path / "b")
    assert [each.name for each in tmp_path.iterdir()] == ["data"]


def test_a_damaged_store_is_not_backed_up(data: Path, tmp_path: Path) -> None:
    with (data / "oad.db").open("r+b") as file:
        file.seek(8192)
        file.write(os.urandom(8192))
    with pytest.raises(BackupFailed, match=r"damaged|malformed"):
        back_up(data, tmp_path / "b")
    assert [each.name for each in tmp_path.iterdir()] == ["data"]


def test_a_newer_store_is_not_backed_up(data: Path, tmp_path: Path) -> None:
    store = Store(data / "oad.db")
    with store.writing() as db:
        db.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    store.close()
    with pytest.raises(SchemaTooNew):
        back_up(data, tmp_path / "b")


@pytest.mark.parametrize("name", ["../evil", "/etc/passwd", "settings/../../evil", "oad.db-wal", "settings/a/b"])
def test_nothing_else_is_unpacked(data: Path, tmp_path: Path, name: str) -> None:
    back_up(data, tmp_path / "b")

    def add(member: str, content: bytes) -> list[tuple[str, bytes]]:
        if member != "manifest.json":
            return [(member, content), (name, b"x")]
        known = msgspec.json.decode(content, type=Manifest)
        digest = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"
        more = msgspec.structs.replace(known, files=(*known.files, Entry(name, 1, digest)))
        return [(member, msgspec.json.encode(more))]

    rewrite(tmp_path / "b", add)
    (tmp_path / "out").mkdir()
    with pytest.raises(BackupFailed, match="does not belong there"):
        read(tmp_path / "b", tmp_path / "out")
    assert [each.name for each in (tmp_path / "out").iterdir()] == ["oad.db"]


def test_a_link_is_refused(data: Path, tmp_path: Path) -> None:
    back_up(data, tmp_path / "b")
    with tarfile.open(tmp_path / "b") as archive:
        manifest = (archive.extractfile("manifest.json") or io.BytesIO()).read()
    with tarfile.open(tmp_path / "b", "w:gz") as archive:
        info = tarfile.TarInfo("manifest.json")
        info.size = len(manifest)
        archive.addfile(info, io.BytesIO(manifest))
        link = tarfile.TarInfo("oad.db")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    with pytest.raises(BackupFailed, match="does not belong there"):
        read(tmp_path / "b")


def test_damage_is_found(data: Path, tmp_path: Path) -> None:
    back_up(data, tmp_path / "b", secrets=True)
    whole = (tmp_path / "b").read_bytes()
    rewrite(tmp_path / "b", lambda name, content: [(name, content[:-1] + b"!" if name == "auth.json" else content)])
    with pytest.raises(BackupFailed, match=r"auth.json in the backup is damaged"):
        read(tmp_path / "b")
    rewrite(tmp_path / "b", lambda name, content: [(name, content)] if name != "auth.json" else [])
    with pytest.raises(BackupFailed, match=r"auth.json is missing"):
        read(tmp_path / "b")
    (tmp_path / "b").write_bytes(whole[: len(whole) // 2])
    with pytest.raises((BackupFailed, EOFError, tarfile.TarError)):
        read(tmp_path / "b")


def test_what_is_no_backup_is_named(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "b", "w:gz") as archive:
        archive.addfile(tarfile.TarInfo("something"))
    with pytest.raises(BackupFailed, match="is no backup of oad"):
        read(tmp_path / "b")
