"""Programs that are spoken with: from the worker through broker and holder, to their end."""

import os
import signal
from collections.abc import Callable, Iterator

import pytest
from process_host import Host, Marker, Session
from test_zoo import LEAVES_BEHIND, PROGRAMS, command_line


@pytest.fixture
def session(host: Host, open_session: Callable[[Host], Session]) -> Iterator[Session]:
    yield open_session(host)


def test_a_conversation(session: Session) -> None:
    id = session.open("bash", "-c", "echo hello >&2; while read line; do echo got $line; done; echo bye; exit 3")
    for word in ("one", "two"):
        session.send("write", id=id, text=f"{word}\n")
        session.expect("written", id=id)
        session.expect("out", id=id, holds=f"got {word}")
    session.send("close_input", id=id)
    ended = session.expect("outcome", id=id)
    assert (ended["exit"], ended["complaints"]) == (3, "hello\n")
    assert session.output(id).endswith("bye\n")


def test_much_goes_both_ways(session: Session) -> None:
    id = session.open("cat")
    session.send("write", id=id, text="x" * 1000, times=2000)
    session.expect("written", id=id)
    session.send("close_input", id=id)
    assert session.expect("outcome", id=id)["exit"] == 0
    assert len(session.output(id)) == 2_000_000


@pytest.mark.parametrize(
    ("script", "text"),
    [
        ("echo 'no such plugin' >&2; exit 4", "the program ended with exit code 4: no such plugin"),
        ("kill -SEGV $$", "the program ended with signal 11"),
        ("exec <&-; echo ready; exec sleep 600", "the program does not take any input"),
    ],
)
def test_whoever_writes_to_it_is_told_why_that_is_in_vain(session: Session, script: str, text: str) -> None:
    id = session.open("bash", "-c", script)
    session.expect("outcome" if "ended" in text else "out", id=id)
    # Whoever started it may hold its end of the pipe for a moment yet: what is written then lies in the pipe.
    said = {"event": "written"}
    while said["event"] == "written":
        session.send("write", id=id, text="x")
        said = session.expect("written", "ended", id=id)
    assert said["text"] == text


def test_a_program_that_can_not_be_started(session: Session) -> None:
    id = session.open("/no/such/program")
    assert session.expect("failed", id=id)["text"] == "cannot start /no/such/program: No such file or directory"
    session.send("write", id=id, text="x")
    assert "cannot start" in session.expect("ended", id=id)["text"]


def test_a_writer_that_waits_hears_of_the_end(session: Session, marker: Marker) -> None:
    id = session.open("bash", "-c", f"echo ready; exec sleep {marker.text}")
    session.expect("out", id=id)
    session.send("write", id=id, text="x" * 1000, times=1000)
    assert marker.await_count(1)
    for pid in marker.pids():
        os.kill(pid, signal.SIGKILL)
    assert "ended" in session.expect("ended", id=id)["text"]


def test_what_it_leaves_running_ends_with_it(session: Session, marker: Marker) -> None:
    id = session.open("bash", "-c", f"setsid sleep {marker.text} & echo ready; exit 2")
    ended = session.expect("outcome", id=id)
    assert (ended["exit"], marker.count()) == (2, 0)
    assert ended["ms"] < 1500


def test_a_polite_end_lets_it_tidy_up(session: Session) -> None:
    id = session.open("bash", "-c", "trap 'exit 9' TERM; echo ready; sleep 600 & wait", grace=3.0)
    session.expect("out", id=id)
    session.send("cancel", id=id)
    assert session.expect("cancelled", id=id)["ms"] < 2000


def test_nothing_survives_the_end_of_the_block(
    any_host: Host, open_session: Callable[[Host], Session], marker: Marker
) -> None:
    session = open_session(any_host)
    for name in PROGRAMS:
        id = session.open(*command_line(name, marker), grace=0.02)
        session.expect("out", id=id, holds="ready")
        if name not in (*LEAVES_BEHIND, "keeper_killer.sh"):  # these end by themselves
            assert marker.await_count(1) >= 1, f"{name} was never alive"
            session.send("cancel", id=id)
        session.expect("cancelled", "outcome", id=id)
        assert [marker.count() for _ in range(3)] == [0, 0, 0], f"{name} survived"


def test_a_flood_ends_it(session: Session) -> None:
    id = session.open("cat", "/dev/zero", limits={"commandOutputMb": 1})
    ended = session.expect("outcome", id=id)
    assert ended["limit"] == "commandOutputMb"
    session.send("write", id=id, text="x")
    assert "the command output limit of 1 MB was reached" in session.expect("ended", id=id)["text"]


def test_no_descriptor_is_leaked(session: Session) -> None:
    def count() -> int:
        session.send("look")
        return int(session.expect("seen")["tasks"])

    session.run("true")
    before = count()
    for _ in range(10):
        session.expect("outcome", id=session.open("true"))
        session.expect("failed", id=session.open("/no/such/program"))
    assert count() == before
