import os
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from records import (
    Recorder,
    a_session,
    a_text,
    a_thought,
    a_tool,
    a_user,
    an_answer,
    of_message,
    of_part,
    of_session,
)

from oad.contract.session import Session, SessionTime, decode_session
from oad.daemon.projection import Recorded
from oad.daemon.store import SessionFilter, Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "data" / "oad.db")
    yield store
    store.close()


@pytest.fixture
def record() -> Recorder:
    return Recorder()


def put(store: Store, *events: Recorded) -> None:
    store.commit(events, full=False)


def test_the_file_is_private(store: Store, tmp_path: Path) -> None:
    assert (tmp_path / "data" / "oad.db").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700


def test_a_session_is_created_changed_and_deleted_with_all_it_has(store: Store, record: Recorder) -> None:
    put(
        store,
        record("session.created", of_session(a_session())),
        record("message.updated", of_message(a_user())),
        record("message.part.updated", of_part(a_text(message="msg_1"))),
        record("todo.updated", {"sessionID": "ses_a", "todos": [{"content": "x"}]}),
        record("oad.session.aborted", {"rung": "asked"}),
        record("oad.session.forked", {"source": "ses_b"}),
    )
    assert store.todo("ses_a") == b'[{"content":"x"}]'
    assert store.receipt("ses_a") == b'{"rung":"asked"}'
    put(store, record("session.updated", of_session(a_session(title="new"))))
    assert decode_session(store.session("ses_a") or b"").title == "new"
    assert [decode_session(data).id for data in store.children("ses_b")] == ["ses_a"]
    put(store, record("session.deleted", of_session(a_session())))
    assert store.session("ses_a") is None
    assert store.messages("ses_a") == store.parts("ses_a") == store.children("ses_b") == []
    assert store.todo("ses_a") == b"[]"
    assert store.receipt("ses_a") is None


def test_messages_and_parts_are_replaced_and_removed(store: Store, record: Recorder) -> None:
    put(store, record("message.updated", of_message(an_answer(completed=3))))
    put(store, record("message.part.updated", of_part(a_text("prt_1", text="a"))))
    put(store, record("message.part.updated", of_part(a_text("prt_1", text="ab"))))
    put(store, record("message.part.updated", of_part(a_text("prt_2"))))
    assert [part for _, part, _ in store.parts("ses_a", ["msg_2"])] == ["prt_1", "prt_2"]
    assert b'"text":"ab"' in (store.part("ses_a", "prt_1") or b"")
    put(store, record("message.part.removed", {"sessionID": "ses_a", "messageID": "msg_2", "partID": "prt_1"}))
    assert store.part("ses_a", "prt_1") is None
    put(store, record("message.removed", {"sessionID": "ses_a", "messageID": "msg_2"}))
    assert store.message("ses_a", "msg_2") is None
    assert store.parts("ses_a") == []


def test_projects(store: Store, record: Recorder) -> None:
    project = {"id": "p1", "worktree": "/p", "time": {"created": 1, "updated": 1}, "sandboxes": []}
    put(store, record("project.updated", project, session=""))
    assert store.project("p1") == msgspec.json.encode(project)
    assert store.projects() == [store.project("p1")]


def test_other_events_are_kept_and_change_nothing(store: Store, record: Recorder) -> None:
    put(store, record("session.idle", {"sessionID": "ses_a"}))
    assert store.last_seq() == store.aggregate_seq("ses_a") == 1
    assert [event.type for event in store.events_after(0, 10)] == ["session.idle"]


@pytest.mark.parametrize(
    ("part", "is_open"),
    [
        (a_text("prt_1"), True),
        (a_text("prt_1", end=2), False),
        (a_thought("prt_1"), True),
        (a_tool("prt_1", "pending"), True),
        (a_tool("prt_1", "running"), True),
        (a_tool("prt_1", "completed"), False),
    ],
)
def test_an_open_part_of_an_ended_message_is_found(store: Store, record: Recorder, part: object, is_open: bool) -> None:
    put(store, record("message.updated", of_message(an_answer(completed=3))))
    put(store, record("message.part.updated", of_part(part)))  # type: ignore[arg-type]
    assert store.open_messages("ses_a") == (["msg_2"] if is_open else [])
    assert store.open_sessions() == (["ses_a"] if is_open else [])


def test_a_batch_is_applied_whole_or_not_at_all(store: Store, record: Recorder) -> None:
    good, bad = record("session.created", of_session(a_session())), record("message.updated", {"no": "info"})
    with pytest.raises(msgspec.ValidationError):
        put(store, good, bad)
    assert store.session("ses_a") is None
    assert store.last_seq() == 0
    put(store, good)
    assert store.session("ses_a") is not None


def test_a_number_given_twice_is_refused(store: Store, record: Recorder) -> None:
    event = record("session.idle", {})
    put(store, event)
    with pytest.raises(sqlite3.IntegrityError):
        put(store, event)


# --- lists ----------------------------------------------------------------------------------------------------------


def listed(store: Store, **wanted: object) -> list[str]:
    return [decode_session(data).id for data in store.sessions(SessionFilter(**wanted))]  # type: ignore[arg-type]


@pytest.fixture
def some(store: Store, record: Recorder) -> Store:
    def at(updated: int, archived: int | None = None) -> SessionTime:
        return SessionTime(created=1, updated=updated, archived=archived)

    sessions: list[Session] = [
        a_session("ses_1", time=at(10), title="Find The Bug"),
        a_session("ses_2", time=at(30), parent_id="ses_1", path="src"),
        a_session("ses_3", time=at(20, archived=0), path="src/a_b"),
        a_session("ses_4", time=at(40), directory="/q", project_id="other", path="src/axb"),
    ]
    for session in sessions:
        put(store, record("session.created", of_session(session), session=session.id))
    return store


def test_lists_are_newest_first_and_narrowed(some: Store) -> None:
    assert listed(some) == ["ses_4", "ses_2", "ses_3", "ses_1"]
    assert listed(some, directory="/p") == ["ses_2", "ses_3", "ses_1"]
    assert listed(some, project="other") == ["ses_4"]
    assert listed(some, directory="/p", roots=True) == ["ses_3", "ses_1"]
    assert listed(some, start=20) == ["ses_4", "ses_2", "ses_3"]
    assert listed(some, before=20) == ["ses_1"]
    assert listed(some, archived=False) == ["ses_4", "ses_2", "ses_1"]


def test_search_ignores_case_and_knows_wildcards(some: Store) -> None:
    assert listed(some, search="the bug") == ["ses_1"]
    assert listed(some, search="f%bug") == ["ses_1"]
    assert listed(some, search="nothing") == []


def test_a_path_means_itself_and_what_lies_below_it(some: Store) -> None:
    assert listed(some, path="src") == ["ses_4", "ses_2", "ses_3"]
    assert listed(some, path="src/a_b") == ["ses_3"]
    assert listed(some, path="sr") == []


@pytest.mark.parametrize(("limit", "count"), [(0, 0), (2, 2), (None, 4), (100, 4)])
def test_limits_of_lists(some: Store, limit: int | None, count: int) -> None:
    assert len(listed(some, limit=limit)) == count


def test_children_are_subagents_and_forks(some: Store, record: Recorder) -> None:
    put(some, Recorded(99, "e", "oad.session.forked", "", "", "ses_3", 9, b'{"source":"ses_1"}'))
    assert [decode_session(data).id for data in some.children("ses_1")] == ["ses_2", "ses_3"]
    assert some.child_ids("ses_1") == ["ses_2"]


def test_messages_are_paged_from_the_newest(store: Store, record: Recorder) -> None:
    for number in range(5):
        put(store, record("message.updated", of_message(a_user(f"msg_{number}", created=number // 2))))
    assert [id for id, _, _ in store.messages("ses_a")] == [f"msg_{n}" for n in range(5)]
    page = store.messages("ses_a", limit=2)
    assert [id for id, _, _ in page] == ["msg_3", "msg_4"]
    older = store.messages("ses_a", limit=2, before=(page[0][1], page[0][0]))
    assert [id for id, _, _ in older] == ["msg_1", "msg_2"]


# --- events ---------------------------------------------------------------------------------------------------------


def test_events_are_read_in_order_and_by_directory(store: Store, record: Recorder) -> None:
    put(store, record("a", {}), record("b", {}, directory="/q"), record("c", {}, session="", directory=""))
    assert [e.type for e in store.events_after(0, 10)] == ["a", "b", "c"]
    assert [e.type for e in store.events_after(1, 1)] == ["b"]
    assert [e.type for e in store.events_after(0, 10, "/q")] == ["b", "c"]


def test_pruning_keeps_each_sessions_last_number_and_tells_the_horizon(store: Store, record: Recorder) -> None:
    put(store, record("x", {}, session="ses_old"))
    put(store, *[record("x", {}) for _ in range(9)])
    assert store.horizon() == 0
    assert store.prune_events(keep=3) == 7
    assert [e.seq for e in store.events_after(0, 100)] == [8, 9, 10]
    assert store.horizon() == 7
    assert store.aggregate_seq("ses_old") == 1
    assert store.prune_events(keep=100) == 0
    assert store.horizon() == 7


def test_a_long_read_on_another_thread_does_not_hold_up_this_one(store: Store) -> None:
    """With one connection, or one lock, the second read would wait for the first."""
    begun, release = threading.Event(), threading.Event()

    def slow() -> int:
        begun.set()
        release.wait(5)
        return 1

    def read() -> None:
        store.last_seq()  # makes this thread's connection
        store._readers[-1].create_function("slow", 0, slow)
        store._rows("SELECT slow()")

    thread = threading.Thread(target=read)
    thread.start()
    try:
        assert begun.wait(5)
        assert store.last_seq() == 0
        assert thread.is_alive()
    finally:
        release.set()
        thread.join()


def test_a_message_sent_again_keeps_its_place(store: Store, record: Recorder) -> None:
    put(store, record("message.updated", of_message(a_user(created=1))))
    put(store, record("message.updated", of_message(an_answer(created=2))))
    put(store, record("message.updated", of_message(a_user(created=3))))
    (first, _, info), (second, _, _) = store.messages("ses_a")
    assert (first, second) == ("msg_1", "msg_2")
    assert b'"created":3' in info


def test_threads_that_have_ended_leave_no_connection(store: Store, tmp_path: Path) -> None:
    def open_files() -> int:
        links = [link.path for link in os.scandir("/proc/self/fd")]
        return sum(os.readlink(link).startswith(str(tmp_path)) for link in links if os.path.lexists(link))

    store.last_seq()
    before = open_files()
    for _ in range(20):
        thread = threading.Thread(target=store.last_seq)
        thread.start()
        thread.join()
    assert open_files() == before
