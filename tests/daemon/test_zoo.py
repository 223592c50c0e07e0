"""Programs that do not want to end, under the broker: cancelled or destroyed, none of their processes survives."""

import shutil
import sys
from collections.abc import Callable

import pytest
from process_host import ZOO, Host, Marker, Session

PROGRAMS = sorted(path.name for path in ZOO.iterdir() if path.suffix in (".sh", ".py"))
PYTHON = shutil.which("python3", path="/usr/bin:/bin") or sys.executable  # one that nobody may execute
LEAVES_BEHIND = ("pipe_holder.sh", "hydra.py")  # end by themselves, and leave somebody


def command_line(name: str, marker: Marker) -> list[str]:
    interpreter = ["bash"] if name.endswith(".sh") else [PYTHON, "-S", "-E"]
    text = (ZOO / name).read_text()  # its user may not be able to read the file
    flag = ["-c", text] if name.endswith(".py") else ["-c", text, "zoo"]
    return [*interpreter, *flag, marker.text]


def start(session: Session, name: str, marker: Marker, **order: float) -> int:
    return session.start(*command_line(name, marker), **order)


@pytest.mark.parametrize("end", ["cancel", "destroy_all", "timeout"])
def test_nothing_survives(any_host: Host, open_session: Callable[[Host], Session], marker: Marker, end: str) -> None:
    session = open_session(any_host)
    for name in PROGRAMS if end != "timeout" else ("plain.sh", "deaf.sh", "double_fork.sh"):
        if name == "keeper_killer.sh":
            continue  # ends by itself; below
        id = start(session, name, marker, grace=0.02, **({"timeout": 0.3} if end == "timeout" else {}))
        session.expect("out", id=id, holds="ready")
        assert marker.await_count(1) >= 1, f"{name} was never alive"
        if name in LEAVES_BEHIND:
            assert session.expect("outcome", id=id)["left_running"]
            assert marker.await_count(1), "a background job ended with the call that started it"
        if end == "destroy_all" or name in LEAVES_BEHIND:
            session.send("destroy_all")
            assert session.expect("destroyed")["survivors"] == 0
        elif end == "cancel":
            session.send("cancel", id=id)
            session.expect("cancelled", id=id)
        else:
            assert session.expect("outcome", id=id)["timed_out"]
        assert [marker.count() for _ in range(3)] == [0, 0, 0], f"{name} survived"


def test_killing_the_holder_is_no_escape(
    any_host: Host, open_session: Callable[[Host], Session], marker: Marker
) -> None:
    session = open_session(any_host)
    id = start(session, "keeper_killer.sh", marker)
    assert session.expect("outcome", id=id)["exit"] is None
    assert marker.await_none() == 0


def test_a_call_is_destroyed_without_its_neighbours(
    any_host: Host, open_session: Callable[[Host], Session], marker: Marker
) -> None:
    session = open_session(any_host)
    neighbour = Marker()
    kept = start(session, "setsid.sh", neighbour)
    gone = start(session, "double_fork.sh", marker, grace=0.02)
    session.expect("out", id=kept)
    session.expect("out", id=gone)
    assert marker.await_count(2) >= 2
    before = neighbour.await_count(2)
    session.send("cancel", id=gone)
    session.expect("cancelled", id=gone)
    assert marker.count() == 0
    assert neighbour.count() == before == 2
    session.send("destroy_all")
    session.expect("destroyed")
    assert neighbour.count() == 0
