"""Programs in terminals: from the worker through broker and holder, as each user and in each kind of sandbox."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from process_host import Host, Marker, Session


@pytest.fixture
def place() -> Iterator[Path]:
    """For the scratch of sessions of any user."""
    path = Path(tempfile.mkdtemp(prefix="oad-test-"))
    path.chmod(0o777)
    yield path
    shutil.rmtree(path)


def sandbox(level: str, place: Path) -> dict[str, object]:
    if level == "none":
        return {}
    bwrap = shutil.which("bwrap") or ""
    if level == "namespaces" and not bwrap:
        pytest.skip("needs bubblewrap")
    scratch = {"scratch": str(place / "scratch"), "writable": ["/tmp"], "home": "/tmp"}
    return {"level": level, "profile": "workspace", "bwrap": bwrap, **scratch}


@pytest.fixture(params=["none", "landlock", "namespaces"])
def session(
    request: pytest.FixtureRequest, any_host: Host, open_session: Callable[..., Session], place: Path
) -> Session:
    if any_host("ready")["level"] != "pidns" and request.param == "namespaces":
        pytest.skip("its view is private to a PID namespace")
    return open_session(any_host, **sandbox(request.param, place))


def test_a_terminal_controls_its_program(session: Session) -> None:
    id = session.terminal("bash", "--norc", "--noprofile")
    session.sees(id, "$ ")
    session.send("type", id=id, text="bash -c 'echo me >/dev/tty; exec sleep 600'\n")
    session.sees(id, "me\r\n")
    session.send("type", id=id, text="\x03")
    session.sees(id, "^C")
    session.send("type", id=id, text="echo code-$?; sleep 600 & jobs; exit 5\n")
    session.sees(id, "code-130")
    ended = session.expect("outcome", id=id)
    assert (ended["exit"], ended["left_running"]) == (5, True)
    assert "no job control" not in session.output(id)
    assert "Running" in session.output(id)


def test_the_interrupt_is_for_the_program_alone(session: Session) -> None:
    script = "trap 'caught=1' INT; echo ready; until [ $caught ]; do sleep 0.05; done; echo after; exit 3"
    id = session.terminal("bash", "-c", script)
    session.sees(id, "ready")
    session.send("type", id=id, text="\x03")
    session.sees(id, "after")
    assert session.expect("outcome", id=id)["exit"] == 3


def test_what_can_not_be_started_says_why(session: Session) -> None:
    failed = session.expect("failed", id=session.terminal("/no/such/program"))
    assert (failed["text"], failed["errno"]) == ("cannot start /no/such/program: No such file or directory", 2)
    failed = session.expect("failed", id=session.terminal("true", cwd="/no/such/directory"))
    assert failed["errno"] == 2


def test_nothing_of_it_outlives_its_worker(
    any_host: Host, open_session: Callable[..., Session], marker: Marker
) -> None:
    session = open_session(any_host)
    script = f"setsid -f sleep {marker.text}; (setsid sleep {marker.text} &); exec sleep {marker.text}"
    session.terminal("bash", "-c", script)
    assert marker.await_count(3) >= 3
    any_host("kill", session.info["id"])
    assert marker.await_none() == 0


def test_bubblewrap_is_not_steered_by_the_environment(
    host: Host, open_session: Callable[..., Session], place: Path
) -> None:
    """What would be loaded into it would run outside of the sandbox."""
    session = open_session(host, **sandbox("namespaces", place))
    id = session.terminal("bash", "-c", "echo $LD_PRELOAD", more={"LD_PRELOAD": "/tmp/oad-no-such-library.so"})
    assert session.expect("outcome", id=id)["exit"] == 0
    complaints = session.output(id).count("cannot be preloaded")
    assert complaints >= 1, "the program has it"
    script = "tr '\\0' '\\n' </proc/$PPID/environ | grep -c LD_PRELOAD"
    id = session.terminal("bash", "-c", script, more={"LD_PRELOAD": "/tmp/oad-no-such-library.so"})
    session.expect("outcome", id=id)
    assert session.output(id).splitlines()[-1] == "0", "bubblewrap, its parent, has not"
