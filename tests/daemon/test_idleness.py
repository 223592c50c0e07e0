"""How long who may have nothing to do; what counts as having something is shown by what the supervisor puts away."""

import math
from pathlib import Path

import pytest
import trio
from live import live_daemon, until

from oad.contract.policy import JobPolicy, Policy
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


SWEEP = "oad.daemon.supervisor._SWEEP_S"


async def swept() -> None:
    """Many sweeps have passed."""
    await trio.sleep(0.3)


async def test_a_silent_turn_an_ask_and_a_job_are_no_idling(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SWEEP, 0.02)
    async with live_daemon(tmp_path, idle_worker_s=0.05, max_worker_age_s=0.05) as live, trio.open_nursery() as nursery:
        await live.session()
        worker, answers = await live.begin(nursery)  # a command that says nothing for as long as it takes
        await swept()
        assert live.supervisor.session_worker("ses_a") is not None
        await worker.say("job.started", {"sessionID": "ses_a", "job": {"id": "job_1"}})
        worker.finish.set()
        await until(lambda: bool(answers))
        await swept()
        assert live.supervisor.session_worker("ses_a") is not None
        await worker.say("job.ended", {"sessionID": "ses_a", "jobID": "job_1", "reason": "exit", "killed": 0})
        await until(lambda: live.supervisor.find("session", "ses_a") is None)


async def test_the_operator_may_end_jobs_that_are_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SWEEP, 0.02)
    async with live_daemon(tmp_path, idle_worker_s=60, policy=Policy(jobs=JobPolicy(idle_s=0.05))) as live:
        await live.session()
        await live.supervisor.ensure("session", "ses_a", "/p")
        worker = live.spawner.of("ses_a")
        await worker.say("job.started", {"sessionID": "ses_a", "job": {"id": "job_1"}})
        await until(lambda: live.supervisor.find("session", "ses_a") is None)


async def test_an_old_worker_goes_in_the_first_pause(tmp_path: Path) -> None:
    async with live_daemon(tmp_path, idle_worker_s=300, max_worker_age_s=100) as live:
        await live.session()
        idleness = Idleness(live.settings, live.keeper, Listeners(), {})
        worker = await live.supervisor.ensure("session", "ses_a", "/p")
        worker.born, worker.last_used = 0.0, 200.0
        assert not idleness.is_due(worker, 201.0)  # another prompt may be on its way
        assert idleness.is_due(worker, 203.0)
        worker.calls = 1
        assert not idleness.is_due(worker, 203.0)
        worker.calls = 0
        live.keeper.jobs.observe("job.started", "ses_a", b'{"job":{"id":"job_1"}}')
        assert not idleness.is_due(worker, 10_000.0)
        project = await live.supervisor.ensure("project", "/p", "/p")
        project.born, project.last_used = 0.0, 200.0
        assert idleness.is_due(project, 203.0)
        listeners = Listeners()
        listeners.report(b"1", {"/p": 1})
        assert not Idleness(live.settings, live.keeper, listeners, {}).is_due(project, 203.0)
