"""What holds sessions under systemd: their sandbox inside of the daemon's, the proxy's unit, and the slice."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..server import until
from .machine import Machine, why_not

pytestmark = [pytest.mark.skipif(bool(why_not()), reason=why_not()), pytest.mark.timeout(240)]
GET = "python3 -c 'import urllib.request as u; print(u.urlopen(\"http://127.0.0.1:{port}/\", timeout=20).read())' 2>&1"


TRIED = (
    "touch /srv/project/mine /etc/mine",
    "head -c 3 /dev/urandom > /dev/null",
    "id -un",
    "cat /var/lib/oad/oad.db",
    "kill -0 1 && echo own",
)


async def test_sandboxes_work_inside_of_the_hardened_unit(machine: Machine) -> None:
    machine.configure("")
    machine.run("systemctl", "restart", "oad.service")
    session = machine.create(sandbox={"profile": "workspace"})
    said = machine.shell(session, "; ".join(TRIED))
    assert "/etc/mine" in said  # refused
    assert "/srv/project/mine" not in said
    assert "oad.db: " in said
    assert "own" in said
    assert machine.run("ls", "/srv/project/mine").strip() == "/srv/project/mine"


async def test_a_terminal_opens(machine: Machine) -> None:
    body = {"command": "/bin/sh", "args": ["-c", "tty > /srv/project/tty; sleep 1000"]}
    status, terminal = machine.call("POST", "/pty?directory=/srv/project", body)
    assert status == 200, terminal
    await until(lambda: machine.run("cat", "/srv/project/tty").startswith("/dev/"), "it has a terminal")
    assert machine.call("DELETE", f"/pty/{terminal['id']}?directory=/srv/project")[0] == 200


@pytest.fixture
def web(machine: Machine, tmp_path: Path) -> Iterator[list[int]]:
    """Two web servers on the machine's loopback."""
    ports, servers = [8098, 8099], list[subprocess.Popen[bytes]]()
    for port in ports:
        servers.append(machine.start("python3", "/guest.py", "serve", str(port), out=tmp_path / str(port)))
    yield ports
    for server in servers:
        server.kill()
        server.wait()


async def test_what_a_session_may_reach_goes_through_the_proxy_s_unit(machine: Machine, web: list[int]) -> None:
    denied, allowed = web
    machine.configure(f'[network]\nmode = "allow"\nallow = ["127.0.0.1:{allowed}"]\n')
    machine.run("systemctl", "stop", "oad-proxy.service")
    machine.run("systemctl", "restart", "oad.service")
    await until(lambda: "hello" in machine.run("sh", "-c", GET.format(port=allowed)), "the server serves")
    assert machine.pid("oad-proxy.service") == 0
    session = machine.create()
    assert "hello" in machine.shell(session, GET.format(port=allowed))
    assert machine.property("oad-proxy.service", "ActiveState") == "active"  # started by that
    assert "hello" not in machine.shell(session, GET.format(port=denied))
    machine.signal("oad-proxy.service", "KILL")
    await machine.until_active("oad-proxy.service")
    assert "hello" in machine.shell(session, GET.format(port=allowed))
    machine.configure("")
    machine.run("systemctl", "restart", "oad.service")


async def test_the_slice_limits_all_of_it(machine: Machine) -> None:
    machine.run("systemctl", "set-property", "--runtime", "oad.slice", "MemoryMax=700M")
    assert machine.property("oad.slice", "MemoryMax") == str(700 * 2**20)
    for unit in ("oad.service", "oad-gateway@1.service"):
        assert machine.property(unit, "Slice") == "oad.slice"
    group = machine.property("oad.slice", "ControlGroup")
    limit = machine.run(
        "sh", "-c", f"cat /sys/fs/cgroup{group}/memory.max /sys/fs/cgroup/memory{group}/memory.limit_in_bytes"
    )
    if str(700 * 2**20) not in limit.split():
        machine.run("systemctl", "set-property", "--runtime", "oad.slice", "MemoryMax=")
        pytest.skip("the machine's control groups have no memory controller (the host's are of version 1)")
    daemon, session = machine.pid("oad.service"), machine.create()
    said = machine.shell(session, "python3 -c 'x = bytearray(2 ** 30); print(len(x))'; echo $?")
    assert str(2**30) not in said
    assert "137" in said
    assert machine.pid("oad.service") == daemon  # OOMPolicy=continue
    machine.run("systemctl", "set-property", "--runtime", "oad.slice", "MemoryMax=")


async def test_what_is_wrong_is_said_by_name(machine: Machine) -> None:
    machine.run("systemctl", "disable", "oad-proxy.socket")
    machine.write("/etc/systemd/system/oad.slice", "[Slice]\n")
    machine.run("systemctl", "stop", "oad-gateway@1.service")
    machine.write(
        "/run/systemd/system/oad-gateway@1.service.d/broken.conf",
        "[Service]\nExecStart=\nExecStart=/bin/false\nRestartSec=60\n",
    )
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "start", "oad-gateway@1.service")
    said = machine.run("oad", "service", "status")
    assert "/etc/systemd/system/oad.slice: different" in said
    assert "does not start with the system: systemctl enable oad-proxy.socket" in said
    assert "fails (exit-code): journalctl -u oad-gateway@1.service" in said
    machine.run("rm", "-r", "/run/systemd/system/oad-gateway@1.service.d")
    print(machine.run("oad", "service", "install"))
    machine.run("systemctl", "restart", "oad-gateway@1.service")
    assert machine.run("sh", "-c", "oad service status > /tmp/status; echo $?").strip() == "0", machine.run(
        "cat", "/tmp/status"
    )
