"""Exec from the worker's call through broker and holder to the command, and back."""

import signal
from collections.abc import Callable, Iterator

import pytest
from process_host import Host, Marker, Session


@pytest.fixture
def session(host: Host, open_session: Callable[[Host], Session]) -> Iterator[Session]:
    yield open_session(host)


def test_output_and_exit_code(session: Session) -> None:
    result = session.run("bash", "-c", "echo out; echo err >&2; exit 3")
    assert (result["exit"], result["out"], result["timed_out"], result["left_running"]) == (
        3,
        "out\nerr\n",
        False,
        False,
    )


def test_two_streams(session: Session) -> None:
    result = session.run("bash", "-c", "echo out; echo err >&2", merge=False)
    assert (result["out"], result["err"]) == ("out\n", "err\n")


def test_death_by_signal(session: Session) -> None:
    assert session.run("bash", "-c", "kill -SEGV $$")["exit"] == -signal.SIGSEGV


def test_input_is_written_and_closed(session: Session) -> None:
    assert session.run("wc", "-c", stdin="x" * 300_000)["out"] == "300000\n"
    assert session.run("cat")["out"] == ""


def test_input_that_nobody_reads(session: Session) -> None:
    assert session.run("true", stdin="x" * 300_000)["exit"] == 0


def test_environment_and_directory_are_exactly_those_given(session: Session) -> None:
    result = session.run("/usr/bin/env", env={"A": "1"}, cwd="/")
    assert result["out"] == "A=1\n"
    assert session.run("pwd", cwd="/usr")["out"] == "/usr\n"


def test_large_environment(session: Session) -> None:
    result = session.run("bash", "-c", "echo ${#FILLER1899}", filler_kb=1900)
    assert result["out"] == "1000\n"


@pytest.mark.parametrize(
    ("argv", "cwd", "text"),
    [
        (["/no/such/program"], "/tmp", "cannot start /no/such/program: No such file or directory"),
        (["/etc"], "/tmp", "cannot start /etc: Permission denied"),
        (["true"], "/no/such/directory", "cannot start /no/such/directory: No such file or directory"),
        (["true", "x" * 200_000], "/tmp", "cannot start true: Argument list too long"),
        (["true", "a\0b"], "/tmp", "cannot start ['true']: embedded null byte"),
        ([], "/tmp", "cannot start []: "),
    ],
)
def test_a_command_that_cannot_be_started(session: Session, argv: list[str], cwd: str, text: str) -> None:
    result = session.run(*argv, cwd=cwd)
    assert result["event"] == "failed"
    assert text in result["text"]
    assert session.run("echo", "next")["out"] == "next\n"


def test_a_command_starts_clean(session: Session) -> None:
    """Default signals, none blocked, no descriptors but three, no core files, a process group of its own."""
    script = "grep -E 'Sig(Blk|Ign)' /proc/self/status; ls /proc/self/fd | wc -l; ulimit -c; ps -o pid=,pgid=,sid= $$"
    lines = session.run("bash", "-c", script)["out"].split("\n")
    libc_own = 0b11 << 31  # signals 32 and 33: libc lets nobody change them, whoever started us may ignore them
    assert [int(line.split()[1], 16) & ~libc_own for line in lines[:2]] == [0, 0]
    assert lines[2:4] == ["4", "0"]  # the fourth is the directory that ls reads
    assert len(set(lines[4].split())) == 1


def test_long_output_arrives_whole_and_in_order(session: Session) -> None:
    result = session.run("seq", "1", "300000")
    assert result["out"] == "".join(f"{number}\n" for number in range(1, 300_001))


def test_a_background_child_neither_delays_nor_dies(session: Session, marker: Marker) -> None:
    script = f"echo first; (sleep 0.2; echo late; echo later; exec sleep {marker.text}) & "
    result = session.run("bash", "-c", script)
    assert (result["exit"], result["left_running"], result["out"]) == (0, True, "first\n")
    assert result["ms"] < 190
    # Had its output been closed, it would have died of writing to it.
    assert marker.await_count(1) == 1


def test_term_comes_first_and_what_is_said_then_arrives(session: Session) -> None:
    script = "trap 'echo cleaning up; exit 9' TERM; echo ready; sleep 600 & wait"
    result = session.run("bash", "-c", script, timeout=0.2, grace=2.0)
    assert (result["exit"], result["timed_out"]) == (None, True)
    assert result["out"] == "ready\ncleaning up\n"
    assert result["ms"] < 1500


def test_calls_run_side_by_side(session: Session) -> None:
    ids = [session.start("bash", "-c", f"sleep 0.1; echo {number}") for number in range(8)]
    results = [session.expect("outcome", id=id) for id in ids]
    assert [session.output(id) for id in ids] == [f"{number}\n" for number in range(8)]
    assert all(result["ms"] < 700 for result in results)


def test_no_descriptor_is_leaked(session: Session) -> None:
    def count() -> int:
        session.send("look")
        return int(session.expect("seen")["tasks"])

    session.run("true")
    before = count()
    for _ in range(20):
        session.run("true", merge=False, stdin="x")
        session.run("/no/such/program")
    assert count() == before
