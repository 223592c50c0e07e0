import os
from pathlib import Path

import pytest

from oad.contract.limits import SessionLimits
from oad.contract.policy import LimitPolicy
from oad.daemon.enforceable import HostFacts, NotEnforceable, check_limits, check_wish, probe_host


def test_this_host_keeps_every_limit() -> None:
    assert probe_host().lacking == {}


def test_what_a_host_does_not_show_is_lacking(tmp_path: Path) -> None:
    task = tmp_path / f"self/task/{os.getpid()}"
    task.mkdir(parents=True)
    assert set(probe_host(tmp_path).lacking) == {"memory_mb", "cpu", "processes", "written_mb"}
    (task / "children").write_text("")
    (tmp_path / "1").mkdir()
    assert set(probe_host(tmp_path).lacking) == {"written_mb"}
    (tmp_path / "self/io").write_text("write_bytes: 0\n")
    assert probe_host(tmp_path).lacking == {}


def test_a_configured_limit_that_cant_be_kept_is_refused_by_name() -> None:
    facts = HostFacts({"written_mb": "nobody counts", "cpu": "no clock"})
    check_limits(LimitPolicy(memory_mb=5), facts)
    with pytest.raises(NotEnforceable, match=r"limits\.written_mb: nobody counts"):
        check_limits(LimitPolicy(written_mb=5), facts)


def test_so_is_a_sessions_wish() -> None:
    facts = HostFacts({"cpu": "no clock"})
    assert check_wish(None, facts) is None
    assert check_wish(SessionLimits(memory_mb=1), facts) is None
    assert check_wish(SessionLimits(cpu=1), facts) == "limit cpu can't be enforced on this host: no clock"
