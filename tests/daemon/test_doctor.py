"""The probes report what really happened in their child."""

import os
import signal

from oad.daemon.doctor import attempt, examine_host, find_level


def test_attempt_tells_what_went_wrong() -> None:
    def refuse() -> None:
        raise PermissionError(1, "not here")

    assert attempt(lambda: None) == ""
    assert attempt(refuse) == "[Errno 1] not here"
    assert attempt(lambda: os.kill(os.getpid(), signal.SIGKILL)) == "died of SIGKILL"


def test_every_probe_names_itself_and_what_to_do() -> None:
    probes = {probe.name: probe for probe in examine_host()}
    assert set(probes) == {
        "pid namespace with private /proc",
        "network namespace",
        "landlock",
        "seccomp filter",
        "cgroup.kill",
        "bwrap",
    }
    assert all(probe.ok or (probe.step and probe.remedy) for probe in probes.values())
    level, weakness = find_level()
    assert (level == "pidns") == probes["pid namespace with private /proc"].ok == (not weakness)
