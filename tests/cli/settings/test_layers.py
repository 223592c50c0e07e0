from pathlib import Path

import pytest

from oad.cli.settings.layers import Option, read_environment, read_file, read_options

BROKEN = """\
[server]
port = 70000
gatways = 2

[netwrk]
[limits]
sessions = 3
port = 1
[network]
allow = [
    "fine.test",
    "http://b",
]
[[oauth.corp]]
label = "x"
token_url = "https://x.test"
"""


def written(place: Path, text: str | bytes) -> Path:
    file = place / "oad.toml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def test_every_problem_of_a_file_has_its_line(tmp_path: Path) -> None:
    file = written(tmp_path, BROKEN)
    layer = read_file(file, "file")
    assert [str(problem).removeprefix(str(file)) for problem in layer.problems] == [
        ":2: server.port: expected whole number from 0 to 65535, found 70000",
        ":3: server.gatways: there is no such key; did you mean gateways?",
        ":5: netwrk: there is no section [netwrk]; did you mean network?",
        ":8: limits.port: there is no such key here, but in [server]",
        ":12: network.allow[1]: 'http://b' has no valid port",
        ":14: oauth.corp[0]: [[oauth.corp]] x: authorize_url is missing",
    ]
    assert {key: value for key, (value, _) in layer.values.items()} == {("limits", "sessions"): 3}


@pytest.mark.parametrize(
    ("text", "line"),
    [("[a]\nb = = 1\n", 2), ("a = 1\na = 2", 2), ('a = """\n\n', 2), ("x", 1), (b"# \xc3\xa4\n# \xff\n", 2), ("[", 1)],
)
def test_what_is_no_toml(tmp_path: Path, text: str | bytes, line: int) -> None:
    (problem,) = read_file(written(tmp_path, text), "file").problems
    assert problem.origin.line == line
    assert problem.text.startswith("not ")


def test_sections_are_sections(tmp_path: Path) -> None:
    (problem,) = read_file(written(tmp_path, "limits = 3\n"), "file").problems
    assert str(problem).endswith(":1: limits: this is the name of a section")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    assert [str(p) for p in read_file(tmp_path / "no", "file").problems] == [
        f"{tmp_path}/no: No such file or directory"
    ]


def test_the_environment() -> None:
    layer = read_environment(
        {
            "OAD_LIMITS_SESSIONS": "3",
            "OAD_NETWORK_ALLOW": "a.test,b.test",
            "OAD_AUDIT_REQUIRED": "true",
            "OAD_LIMITS_COST": "",
            "OPENCODE_LOG_LEVEL": "DEBUG",
            "OAD_CLIENTS": "somebody else's",
        }
    )
    assert layer.problems == []
    assert {key: value for key, (value, _) in layer.values.items()} == {
        ("server", "log_level"): "debug",
        ("limits", "sessions"): 3,
        ("network", "allow"): ["a.test", "b.test"],
        ("audit", "required"): True,
    }
    assert str(layer.values["limits", "sessions"][1]) == "OAD_LIMITS_SESSIONS"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("OAD_LIMITS_SESSIONS", "many", 'limits.sessions: expected whole number above 0, found "many"'),
        ("OAD_LIMITS_SESSIONS", "0", "limits.sessions: expected whole number above 0, found 0"),
        ("OAD_NETWORK_ALLOW", "a.test,http://b", "network.allow[1]: 'http://b' has no valid port"),
        ("OAD_LIMTS_SESSIONS", "1", "there is no such setting; did you mean OAD_LIMITS_SESSIONS?"),
        ("OAD_SERVER_XYZZYPLUGH", "1", "there is no such setting"),
        (
            "OAD_SERVER_TRUSTED_PROXIES",
            "unix,nginx",
            "server.trusted_proxies[1]: 'nginx' does not appear to be an IPv4 or IPv6 network",
        ),
        (
            "OAD_SERVER_BASE_PATH",
            "/a b",
            'server.base_path: expected text that matches ^(/[A-Za-z0-9._~-]+)*/?$, found "/a b"',
        ),
        ("OPENCODE_LOG_LEVEL", "loud", 'server.log_level: expected "debug", "info", "warn" or "error", found "loud"'),
    ],
)
def test_variables_that_are_wrong(name: str, value: str, said: str) -> None:
    assert [str(problem) for problem in read_environment({name: value}).problems] == [f"{name}: {said}"]


def test_options() -> None:
    port, unknown = Option("--port", ("server", "port"), 5), Option("--set", ("server", "prot"), "5")
    layer = read_options([port, unknown, Option("--set", ("limits", "cost"), "free")])
    assert layer.values["server", "port"][0] == 5
    assert [str(problem) for problem in layer.problems] == [
        "--set: server.prot: there is no such key; did you mean port?",
        '--set: limits.cost: expected number above 0, found "free"',
    ]
