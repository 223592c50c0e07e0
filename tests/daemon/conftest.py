"""Fixtures with real processes."""

import os
import signal
from collections.abc import Callable, Iterator

import pytest
from process_host import NOBODY, Host, Marker, Session


@pytest.fixture(params=["root pidns", "root subreaper", "nobody pidns", "nobody subreaper"])
def any_host(request: pytest.FixtureRequest) -> Iterator[Host]:
    """Each user, each way of holding a session together."""
    user, level = request.param.split()
    if os.getuid() and user == "nobody":
        pytest.skip("only root can become somebody else")
    yield from _hosted(NOBODY if user == "nobody" else 0, level)


@pytest.fixture
def host() -> Iterator[Host]:
    yield from _hosted(0, "any")


def _hosted(uid: int, level: str) -> Iterator[Host]:
    host = Host(uid, "any" if level == "pidns" else level)
    try:
        if level == "pidns" and host("ready")["level"] != "pidns":
            pytest.skip("no PID namespaces here")
        yield host
    finally:
        host.close()


@pytest.fixture
def open_session() -> Iterator[Callable[..., Session]]:
    """With keywords: fields of the session's confinement, and ``priority``."""
    opened: list[Session] = []

    def open(host: Host, **confinement: object) -> Session:
        opened.append(Session(host, **confinement))
        return opened[-1]

    yield open
    for session in opened:
        session.close()


@pytest.fixture
def marker() -> Iterator[Marker]:
    marker = Marker()
    yield marker
    for pid in marker.pids():  # only after a failure
        os.kill(pid, signal.SIGKILL)
