"""How long who may have nothing to do; what counts as having something is shown by what the supervisor puts away."""

import math
from pathlib import Path

from live import live_daemon

from oad.daemon.idleness import Idleness
from oad.daemon.listeners import Listeners


async def test_limits(tmp_path: Path) -> None:
    async with live_daemon(tmp_path, idle_worker_s=7) as live:
        listeners = Listeners()
        idleness = Idleness(live.settings, live.keeper, listeners, {})
        assert idleness.limit("session", "ses_a") == idleness.limit("project", "/p") == 7
        listeners.report(b"1", {"/p": 1})
        assert (idleness.limit("project", "/p"), idleness.limit("project", "/q")) == (math.inf, 7)
        assert idleness.limit("pty", "pty_1") == live.settings.policy.jobs.ttl_s


async def test_who_serves_and_has_nothing_to_do_is_idle(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live:
        idleness = Idleness(live.settings, live.keeper, Listeners(), {})
        worker = await live.supervisor.ensure("project", "/p", "/p")
        assert idleness.is_idle(worker)
        worker.calls = 1
        assert not idleness.is_idle(worker)
        worker.calls = 0
        worker.facts["needed"] = True
        assert not idleness.is_idle(worker)
