import pytest

from oad import __version__
from oad.cli.service_health import describe, find_problems

WELL = {
    "LoadState": "loaded",
    "ActiveState": "active",
    "SubState": "running",
    "StatusText": f"oad {__version__}: idle",
    "NRestarts": "0",
    "Result": "success",
    "UnitFileState": "enabled",
    "NeedDaemonReload": "no",
}


def test_all_is_well() -> None:
    assert find_problems("oad.service", WELL, needed=True) == []
    assert describe("oad.service", WELL).split() == [
        "oad.service",
        "active",
        "(running)",
        "oad",
        f"{__version__}:",
        "idle",
    ]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"LoadState": "not-found"}, "is not installed"),
        ({"ActiveState": "failed", "Result": "start-limit-hit"}, "fails (start-limit-hit): journalctl -u oad.service"),
        ({"ActiveState": "activating", "SubState": "auto-restart", "Result": "exit-code"}, "fails (exit-code)"),
        ({"ActiveState": "inactive"}, "does not run: systemctl start oad.service"),
        ({"UnitFileState": "disabled"}, "does not start with the system: systemctl enable oad.service"),
        ({"NeedDaemonReload": "yes"}, "has changed on disk: systemctl daemon-reload"),
        ({"StatusText": "oad 0.0.9: idle"}, f"runs version 0.0.9, installed is {__version__}"),
    ],
)
def test_each_problem_is_named_with_what_to_do(change: dict[str, str], problem: str) -> None:
    found = find_problems("oad.service", WELL | change, needed=True)
    assert any(each.startswith(problem) for each in found), found


def test_what_waits_to_be_needed_is_well() -> None:
    waiting = WELL | {"ActiveState": "inactive", "SubState": "dead", "StatusText": "", "UnitFileState": "static"}
    assert find_problems("oad-proxy.service", waiting, needed=False) == []
    assert find_problems("oad-proxy.service", waiting | {"ActiveState": "failed"}, needed=False) != []


def test_restarts_are_shown() -> None:
    assert describe("oad.service", WELL | {"NRestarts": "3"}).endswith("idle, 3 restarts")
