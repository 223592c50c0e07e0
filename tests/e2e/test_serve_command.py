"""``oad serve`` as a person or a script meets it: what it prints, refuses, and leaves behind."""

import os
import re
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import psutil
import pytest

from .foreground import Command
from .server import Server, any_alive, is_alive, title, until


@pytest.fixture
def serve(place: Path) -> Iterator[Callable[..., Command]]:
    made: list[Command] = []

    def start(*options: str, name: str = "one", **environment: str) -> Command:
        (place / name).mkdir(exist_ok=True)
        made.append(Command(place / name, *options, **environment))
        return made[-1]

    yield start
    for command in made:
        if command.process.poll() is None:
            command.process.kill()  # the others die with it
        command.process.wait()


@pytest.fixture
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


async def status(url: str, **options: object) -> int:
    async with httpx2.AsyncClient(trust_env=False) as client:
        return (await client.get(f"{url}/global/health", timeout=10, **options)).status_code  # type: ignore[arg-type]


def first_environment(pid: int) -> bytes:
    return Path(f"/proc/{pid}/environ").read_bytes()


def has_ipv6_loopback() -> bool:
    addresses = Path("/proc/net/if_inet6")
    return addresses.exists() and "0" * 31 + "1" in addresses.read_text()


async def test_greets_with_what_one_needs_and_stops_clean(serve: Callable[..., Command], port: int) -> None:
    command = serve("--port", str(port))
    url = await command.ready()
    assert url == f"http://127.0.0.1:{port}"
    file = command.data / "credential"
    assert f"credential: {file} " in command.out
    assert f'opencode attach {url} -p "$(cat {file})"' in command.out
    assert file.stat().st_mode & 0o777 == 0o600
    assert await status(url) == 401
    assert await status(url, auth=("opencode", file.read_text().strip())) == 200
    greeting, children = command.out, command.tree()
    titles = sorted(title(process).strip() for process in children)
    assert titles == ["oad-daemon", "oad-gateway", "oad-zygote"]
    command.process.send_signal(signal.SIGTERM)
    assert await command.ended() == 0
    assert not any_alive(children)
    assert (command.out, command.err) == (greeting, "")
    assert not (command.data / "run" / "address").exists()


async def test_a_second_server_on_the_same_data_is_refused_by_pid(serve: Callable[..., Command], port: int) -> None:
    first = serve("--port", str(port))
    await first.ready()
    second = serve("--port", str(port))
    assert await second.ended() == 1
    assert re.fullmatch(rf"oad: another oad \(pid \d+\) uses the data directory {first.data}\n", second.err)
    assert (first.data / "run" / "address").exists()
    assert first.process.poll() is None


async def test_a_taken_port_is_one_clear_line(serve: Callable[..., Command]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        command = serve("--port", str(taken))
        assert await command.ended() == 1
    assert command.err == f"oad: can't start: 127.0.0.1:{taken}: Address already in use\n"
    assert command.out == ""


async def test_servers_with_data_of_their_own_run_side_by_side(serve: Callable[..., Command]) -> None:
    commands = [serve("--port", "0", "--no-auth", name=name) for name in ("one", "two")]
    urls = [await command.ready() for command in commands]
    assert urls[0] != urls[1]
    assert [await status(url) for url in urls] == [200, 200]


@pytest.mark.parametrize(
    ("options", "expected", "message"),
    [
        (["--no-auth", "--hostname", "0.0.0.0"], 2, "--no-auth is possible on loopback only"),
        (["--config", "none.toml"], 2, "none.toml: No such file or directory"),
        (["--log-level", "loud"], 2, 'expected "debug", "info"'),
        (["--hostname", "no.such.host.invalid"], 1, "can't start: no.such.host.invalid:"),
        (["--data-dir", "/proc/oad"], 1, "can't start: "),
    ],
)
async def test_what_cannot_be_is_one_clear_line(
    serve: Callable[..., Command], options: list[str], expected: int, message: str
) -> None:
    command = serve(*options)
    assert await command.ended() == expected
    assert message in command.err
    assert command.err.count("\n") == 1
    assert command.out == ""


async def test_a_configured_credential_is_demanded_and_reaches_no_process(serve: Callable[..., Command]) -> None:
    secret = {
        "OPENCODE_SERVER_PASSWORD": "hidden-word",
        "OPENCODE_SERVER_USERNAME": "ann",
        "OA_SERVER_TOKEN": "hidden-too",
    }
    command = serve("--port", "0", "--no-auth", **secret)
    url = await command.ready()
    assert await status(url) == 401
    assert await status(url, auth=("ann", "hidden-word")) == 200
    assert await status(url, headers={"authorization": "Bearer hidden-too"}) == 200
    assert not (command.data / "credential").exists()
    for process in [psutil.Process(command.process.pid), *command.tree()]:
        assert b"hidden" not in first_environment(process.pid), title(process)
    assert "hidden" not in command.out


async def test_an_address_that_others_reach_demands_a_credential(serve: Callable[..., Command]) -> None:
    command = serve("--port", "0", "--hostname", "0.0.0.0")
    url = await command.ready()
    assert "put TLS in front" in command.out
    assert await status(url) == 401


async def test_localhost_answers_on_both_addresses(serve: Callable[..., Command]) -> None:
    command = serve("--port", "0", "--hostname", "localhost", "--no-auth")
    url = await command.ready()
    assert await status(url) == 200
    if has_ipv6_loopback():
        assert await status(url.replace("127.0.0.1", "[::1]")) == 200


async def test_origins_may_be_added_and_a_bare_cors_adds_none(serve: Callable[..., Command]) -> None:
    command = serve("--cors", "--port", "0", "--cors", "https://a.example", "--cors", "--no-auth")
    url = await command.ready()
    async with httpx2.AsyncClient(trust_env=False) as client:
        for origin, expected in (("https://a.example", "https://a.example"), ("https://b.example", None)):
            answer = await client.get(f"{url}/global/health", headers={"origin": origin})
            assert answer.headers.get("access-control-allow-origin") == expected


async def test_nothing_outlives_a_parent_that_is_killed(server: Server) -> None:
    session = await server.create()
    await server.prompt_async(session, "run: sleep 300")
    await until(lambda: any("sleep 300" in title(p) for p in server.processes()), "the command runs")
    everything = server.processes()
    os.kill(server.pid, signal.SIGKILL)
    await until(lambda: not any_alive(everything), "nothing of it is left", timeout_s=5)


async def test_a_stop_ends_what_sessions_run(server: Server) -> None:
    session = await server.create()
    await server.prompt_async(session, "run: sleep 300")
    await until(lambda: any("sleep 300" in title(p) for p in server.processes()), "the command runs")
    everything = server.processes()
    assert await server.stop() == 0
    assert not any(is_alive(process) for process in everything)
