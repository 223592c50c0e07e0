import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from old_store import make_old
from records import Recorder, a_session, of_session

from oad.contract.policy import Policy, StoragePolicy
from oad.contract.session import SessionTime
from oad.daemon.instance_lock import AlreadyRunning
from oad.daemon.migration import StoreUnusable, version_of
from oad.daemon.offline_sweep import sweep_alone
from oad.daemon.schema import connect
from oad.daemon.store import Store


@pytest.fixture
def data(tmp_path: Path) -> Path:
    store, record = Store(tmp_path / "oad.db"), Recorder()
    for name, parent in (("ses_old", None), ("ses_child", "ses_old")):
        session = a_session(name, time=SessionTime(created=1, updated=1), parent_id=parent)
        store.commit([record("session.created", of_session(session), session=name)], full=True)
    store.commit([record("x", {}, session="ses_old") for _ in range(600)], full=True)
    store.close()
    for name in ("ses_old", "ses_gone", ".discarded-0123", ".aside-4567"):
        (tmp_path / "scratch" / name).mkdir(parents=True)
        (tmp_path / "scratch" / name / "file").write_text("x")
    return tmp_path


def sweep(data: Path, *, dry: bool = False, **storage: int) -> Mapping[str, int]:
    report = sweep_alone(data, Policy(storage=StoragePolicy(**storage)), data / "log/oad.log", dry=dry)
    return {each.kind: each.items for each in report.removed if each.items and each.kind != "pages"}


def test_a_look_changes_nothing(data: Path) -> None:
    before = sorted(str(path) for path in data.rglob("*") if not path.name.endswith(("-wal", "-shm", ".lock")))
    assert sweep(data, dry=True, events=10, sessions_days=1) == {"sessions": 2, "events": 592, "scratch": 1}
    assert before == sorted(str(path) for path in data.rglob("*") if not path.name.endswith(("-wal", "-shm", ".lock")))
    assert sweep(data, dry=True, events=10, sessions_days=1) == {"sessions": 2, "events": 592, "scratch": 1}


def test_it_removes_what_it_says(data: Path) -> None:
    assert sweep(data, events=10) == {"events": 592, "scratch": 1}
    assert os.listdir(data / "scratch") == ["ses_old"]
    assert sweep(data, events=10) == {}


def test_sessions_go_with_all_they_have_and_their_end_is_told(data: Path) -> None:
    assert sweep(data, sessions_days=1) == {"sessions": 2, "scratch": 2}
    store = Store(data / "oad.db")
    assert store.session_times() == {}
    assert [(event.type, event.session) for event in store.events_after(0, 10)] == [
        ("session.deleted", "ses_child"),
        ("session.deleted", "ses_old"),
    ]
    store.close()


_HOLDER = """
import sys, pathlib
from oad.daemon.instance_lock import InstanceLock
with InstanceLock(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_not_beside_a_server(data: Path) -> None:
    command = [sys.executable, "-c", _HOLDER, str(data)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdout
        assert server.stdout.readline() == b"held\n"
        with pytest.raises(AlreadyRunning):
            sweep(data)
        server.kill()
    assert os.listdir(data / "scratch/ses_gone") == ["file"]


def test_an_older_store_is_left_to_the_server(tmp_path: Path) -> None:
    make_old(tmp_path / "oad.db", 3)
    with pytest.raises(StoreUnusable, match="start the server once"):
        sweep(tmp_path)
    connection = connect(tmp_path / "oad.db")
    assert version_of(connection) == 3
    connection.close()
    with pytest.raises(StoreUnusable, match="there is no store"):
        sweep(tmp_path / "nowhere")
