"""``oad serve --mdns``, found by a browser on this host's own interfaces."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trio
from zeroconf import ServiceStateChange

from oad.cli.mdns import Announcement

from ..cli.test_mdns import Listener
from .foreground import Command
from .server import title


@pytest.fixture
def serve(place: Path) -> Iterator[Callable[..., Command]]:
    made: list[Command] = []

    def start(*options: str) -> Command:
        made.append(Command(place, *options))
        return made[-1]

    yield start
    for command in made:
        if command.process.poll() is None:
            command.process.kill()  # the others die with it
        command.process.wait()


async def test_who_is_announced_is_reached_by_others_and_found(serve: Callable[..., Command]) -> None:
    addresses = Announcement("0.0.0.0", 0, "a.local").addresses()
    if not addresses:
        pytest.skip("this host has no address but loopback")
    command = serve("--mdns", "--mdns-domain", "oad-e2e.local")
    port = int((await command.ready()).rpartition(":")[2])
    assert f"announced in the local network as opencode-{port}" in command.out
    assert "reachable from other hosts (0.0.0.0)" in command.out
    assert "credential: " in command.out
    listener = await trio.to_thread.run_sync(Listener, addresses[0], f"opencode-{port}")
    try:
        assert await trio.to_thread.run_sync(listener.hears, ServiceStateChange.Added)
        info = await trio.to_thread.run_sync(listener.ask)
        assert (info.port, info.server) == (port, "oad-e2e.local.")
        assert info.parsed_addresses() == addresses
        (announcer,) = (process for process in command.tree() if title(process).strip() == "oad-mdns")
        assert announcer.uids().real != 0
        command.process.send_signal(signal.SIGTERM)
        assert await command.ended() == 0
        assert await trio.to_thread.run_sync(listener.hears, ServiceStateChange.Removed)
    finally:
        await trio.to_thread.run_sync(listener.close)


async def test_on_loopback_nobody_is_told(serve: Callable[..., Command]) -> None:
    command = serve("--mdns", "--hostname", "127.0.0.1", "--port", "0")
    await command.ready()
    assert "not announced, since no other host reaches 127.0.0.1" in command.err
    assert "announced in the local network" not in command.out
    assert "oad-mdns" not in [title(process).strip() for process in command.tree()]


async def test_the_world_is_not_let_in_without_a_credential(serve: Callable[..., Command]) -> None:
    command = serve("--mdns", "--no-auth")
    assert await command.ended() == 2
    assert "not on 0.0.0.0 (which mdns stands for; give a --hostname, or --no-mdns)" in command.err
    assert command.err.count("\n") == 1
