import socket
from collections.abc import Iterator

import pytest

from oad.cli import listener
from oad.cli.listener import CannotListen, base_url, is_loopback, open_listeners


@pytest.fixture
def taken() -> Iterator[int]:
    """A port on 127.0.0.1 at which somebody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def close(listeners: list[socket.socket]) -> None:
    for one in listeners:
        one.close()


def test_a_taken_port_is_refused_by_name(taken: int) -> None:
    with pytest.raises(CannotListen, match=rf"127\.0\.0\.1:{taken}: Address already in use"):
        open_listeners("127.0.0.1", taken)


def test_port_0_prefers_the_default_port(monkeypatch: pytest.MonkeyPatch, taken: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        free = server.getsockname()[1]
    monkeypatch.setattr(listener, "DEFAULT_PORT", free)
    first = open_listeners("127.0.0.1", 0)
    assert first[0].getsockname()[1] == free
    second = open_listeners("127.0.0.1", 0)
    assert second[0].getsockname()[1] != free
    close(first + second)


def test_localhost_is_both_loopback_addresses_with_one_port(taken: int) -> None:
    listeners = open_listeners("localhost", 0)
    names = [one.getsockname()[:2] for one in listeners]
    close(listeners)
    port = names[0][1]
    assert names[0] == ("127.0.0.1", port)
    if socket.has_ipv6 and len(names) > 1:
        assert names[1] == ("::1", port)


@pytest.mark.parametrize("host", ["no.such.host.invalid", "x" * 80, "192.0.2.1"])
def test_an_address_that_is_not_ours_is_refused(host: str) -> None:
    with pytest.raises(CannotListen, match=host):
        open_listeners(host, 0)


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("a.b", False)],
)
def test_loopback(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


def test_a_wildcard_address_is_shown_as_loopback() -> None:
    with socket.create_server(("0.0.0.0", 0)) as server:
        assert base_url(server) == f"http://127.0.0.1:{server.getsockname()[1]}"
