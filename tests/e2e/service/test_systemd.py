"""The service under a real systemd, in a machine of its own: what an administrator does, and what goes wrong."""

import json
from pathlib import Path

import pytest

from ..server import until
from .machine import GATEWAY, Machine, why_not

pytestmark = [pytest.mark.skipif(bool(why_not()), reason=why_not()), pytest.mark.timeout(240)]

ASK = """
import sys, urllib.error, urllib.request
headers = {"authorization": f"Bearer {sys.argv[1]}"}
try:
    print(urllib.request.urlopen(urllib.request.Request("http://127.0.0.1:4096/session", None, headers)).status)
except urllib.error.HTTPError as error:
    print(error.code)
"""
UNITS = ["oad.service", GATEWAY, "oad-proxy.service"]


async def test_installed_it_runs_a_tool_as_its_own_user(machine: Machine) -> None:
    said = machine.shell(machine.create(), "id -un; touch /srv/project/made; cat /var/lib/oad/credential; ls /home")
    assert said.startswith("oad\n")
    assert "/var/lib/oad/credential: " in said  # denied, not read
    assert machine.run("stat", "-c", "%U", "/srv/project/made").strip() == "oad"
    status = machine.run("oad", "service", "status")
    assert "different" not in status
    assert "oad.service              active (running)" in status


async def test_a_gateway_that_is_killed_or_freezes_takes_no_session_along(machine: Machine) -> None:
    session = machine.create()
    machine.shell(session, "true")
    daemon, sessions = machine.pid("oad.service"), machine.workers()
    assert sessions
    for name in ("KILL", "STOP"):
        before = machine.pid(GATEWAY)
        machine.signal(GATEWAY, name)
        await machine.until_active(GATEWAY, other_than=before)
        assert machine.shell(session, f"echo after {name}") == f"after {name}\n"
    assert machine.pid("oad.service") == daemon
    assert sessions.items() <= machine.workers().items()


@pytest.mark.parametrize("name", ["KILL", "STOP"])
async def test_a_daemon_that_ends_leaves_the_streams_open(machine: Machine, name: str, tmp_path: Path) -> None:
    session = machine.create()
    machine.shell(session, "sleep 100 & echo started")
    events = tmp_path / "events"
    listener = machine.start("python3", "/guest.py", "listen", "/event?directory=/srv/project", out=events)
    try:
        await until(lambda: "server.connected" in events.read_text(), "the stream is open")
        gateway, daemon = machine.pid(GATEWAY), machine.pid("oad.service")
        old = set(machine.processes()) - {gateway, machine.pid("oad-proxy.service")}
        machine.signal("oad.service", name)
        await machine.until_active("oad.service", other_than=daemon)
        assert machine.shell(session, "echo again") == "again\n"
        await until(lambda: events.read_text().count("session.idle") > 0, "the stream tells of the new turn")
        assert listener.poll() is None
        assert machine.pid(GATEWAY) == gateway
        assert not old & set(machine.processes())  # nothing of the old daemon is left
    finally:
        listener.kill()
        listener.wait()


async def test_reload_takes_settings_over_and_ends_nothing(machine: Machine, tmp_path: Path) -> None:
    session, events = machine.create(), tmp_path / "events"
    listener = machine.start("python3", "/guest.py", "listen", "/event?directory=/srv/project", out=events)
    try:
        await until(lambda: "server.connected" in events.read_text(), "the stream is open")
        pids = [machine.pid(unit) for unit in UNITS[:2]]
        machine.run("sh", "-c", "printf '[limits]\\nsessions = 1\\n' > /etc/oad/oad.toml")
        machine.run("systemctl", "reload", "oad.service")
        await machine.until_said('"settings taken over"', journal_of="oad.service")
        status, refusal = machine.call("POST", "/session?directory=/srv/project", {})
        assert status == 429
        assert "sessions" in json.dumps(refusal)
        machine.run("sh", "-c", "printf '[limits]\\nsessons = 1\\n' > /etc/oad/oad.toml")
        machine.run("systemctl", "reload", "oad.service")
        await machine.until_said("settings are not taken over", "sessons", journal_of="oad.service")
        assert machine.call("POST", "/session?directory=/srv/project", {})[0] == 429  # what held goes on
        machine.run("sh", "-c", "printf '' > /etc/oad/oad.toml")
        machine.run("systemctl", "reload", "oad.service")
        await until(lambda: machine.call("POST", "/session?directory=/srv/project", {})[0] == 200, "no limit")
        assert machine.shell(session, "echo on") == "on\n"
        assert listener.poll() is None
        assert [machine.pid(unit) for unit in UNITS[:2]] == pids
    finally:
        listener.kill()
        listener.wait()


async def test_files_of_one_s_own_win_over_the_shipped_one(machine: Machine) -> None:
    own = "/etc/oad/oad.toml.d"
    machine.configure("[limits]\nsessions = 1000\n")
    machine.write(f"{own}/50-site.toml", "[limits]\nsessions = 1\n")
    machine.write(f"{own}/README", "not a file of settings")
    assert machine.run("oad", "config", "check").count("oad: ") == 0
    shown = machine.run("oad", "config", "show", "--origin")
    assert f"{own}/50-site.toml" in shown
    machine.run("systemctl", "reload", "oad.service")
    await until(lambda: machine.call("POST", "/session?directory=/srv/project", {})[0] == 429, "it holds")
    machine.write(f"{own}/60-later.toml", "[limits]\nsessions = 2000\n")
    machine.run("systemctl", "restart", "oad.service")
    assert machine.call("POST", "/session?directory=/srv/project", {})[0] == 200
    machine.write(f"{own}/70-wrong.toml", "[limits]\nsessons = 1\n")
    assert f"{own}/70-wrong.toml:2" in machine.run("oad", "config", "check")
    machine.run("systemctl", "reload", "oad.service")
    await machine.until_said("settings are not taken over", "70-wrong.toml", journal_of="oad.service")
    machine.run("rm", "-r", own)
    machine.configure("")
    machine.run("systemctl", "reload", "oad.service")
    assert machine.call("POST", "/session?directory=/srv/project", {})[0] == 200


async def test_users_come_and_go_with_a_reload(machine: Machine) -> None:
    ann, bob = "ann-token-0123456789", "bob-token-0123456789"
    machine.configure('[server]\nusers_file = "/etc/oad/users"\n')
    machine.write("/etc/oad/users", f"ann {ann}\n")
    machine.run("sh", "-c", "chown root:oad /etc/oad/users && chmod 640 /etc/oad/users")
    machine.run("systemctl", "restart", "oad.service", GATEWAY)
    assert status_of(machine, ann) == "200"
    machine.write("/etc/oad/users", f"bob {bob}\n")
    gateway = machine.pid(GATEWAY)
    machine.run("systemctl", "reload", "oad.service")
    await until(lambda: status_of(machine, bob) == "200", "the new one is let in")
    assert status_of(machine, ann) == "401"
    machine.write("/etc/oad/users", f"ann {ann}\n")
    assert machine.run("systemctl", "reload", GATEWAY) == ""
    await until(lambda: status_of(machine, ann) == "200", "gateways can be told by themselves")
    assert machine.pid(GATEWAY) == gateway
    machine.configure("")
    machine.run("sh", "-c", "rm /etc/oad/users")
    machine.run("systemctl", "restart", "oad.service", GATEWAY)


def status_of(machine: Machine, token: str) -> str:
    return machine.run("python3", "-c", ASK, token).strip()


async def test_the_journal_tells_of_one_session(machine: Machine) -> None:
    machine.configure('[server]\nlog_level = "debug"\n')
    machine.run("systemctl", "restart", "oad.service", GATEWAY)
    one, other = machine.create(), machine.create()
    for session in (one, other):
        machine.shell(session, "true")
    await machine.until_said(one, other, journal_of="oad.service")
    lines = [json.loads(line) for line in machine.run("oad", "logs", one, "--json").splitlines()]
    assert other not in str(lines)
    assert one in {line.get("session") for line in lines}
    assert {"daemon", "session-worker"} <= {line["process"] for line in lines}
    request = next(line["request"] for line in lines if "request" in line)
    caused = [json.loads(line) for line in machine.run("oad", "logs", request, "--json").splitlines()]
    assert "gateway" in {line["process"] for line in caused}, "the journal of all units"
    assert machine.run("oad", "logs", one, "--level", "error").strip() == ""
    assert machine.run("oad", "logs", one, "--since", "1h").count("\n") == len(lines)
    machine.configure("")
    machine.run("systemctl", "restart", "oad.service", GATEWAY)


async def test_stopped_nothing_is_left_and_started_all_is_there(machine: Machine) -> None:
    session = machine.create()
    machine.shell(session, "(setsid sleep 1000 &) ; echo started")
    machine.run("systemctl", "stop", "oad.target", "oad.service")
    assert not [each for each in machine.processes().values() if "gateway" not in each and "proxy" not in each]
    await until(lambda: machine.processes() == {}, "the others have ended too")
    assert {machine.property(unit, "ActiveState") for unit in UNITS} == {"inactive"}
    machine.run("systemctl", "start", "oad.target")
    found = machine.call("GET", f"/session/{session}")
    assert found[0] == 200, found
    assert machine.shell(session, "echo again") == "again\n"


async def test_the_units_are_clean_and_hardened(machine: Machine) -> None:
    files = [f"/etc/systemd/system/{name}" for name in ("oad.service", GATEWAY, "oad-proxy.service", "oad.slice")]
    assert machine.run("systemd-analyze", "verify", *files) == ""
    exposure = {}
    for unit in UNITS:
        last = machine.run("systemd-analyze", "security", "--no-pager", unit).strip().splitlines()[-1]
        exposure[unit] = float(last.split(": ")[1].split()[0])
    print(exposure)
    assert exposure[GATEWAY] <= 3.0
    assert exposure["oad-proxy.service"] <= 3.0


async def test_uninstalled_only_data_and_settings_are_left(machine: Machine) -> None:
    said = machine.run("oad", "service", "uninstall")
    assert "removed  /etc/systemd/system/oad.service" in said
    await until(lambda: machine.processes() == {}, "nothing runs")
    left = machine.run("sh", "-c", "find /etc /usr/lib/systemd -name 'oad*' -type f")
    assert left.split() == ["/etc/oad/oad.toml"]
    assert machine.run("ls", "/var/lib/oad/oad.db").strip() == "/var/lib/oad/oad.db"
    print(machine.run("oad", "service", "install"))  # for whoever comes next
