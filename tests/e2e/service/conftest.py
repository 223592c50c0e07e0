"""One machine for all tests here: booting it takes longer than most of them."""

from collections.abc import Iterator

import pytest
import trio

from .machine import Machine

# A frozen process is to be noticed within the patience of a test, a stop without an extension to be short; and more is
# started here within five minutes than may be elsewhere.
_QUICK = "[Unit]\nStartLimitIntervalSec=0\n[Service]\nWatchdogSec=4\nTimeoutStopSec=5\n"


@pytest.fixture(scope="session")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    machine = Machine(tmp_path_factory.mktemp("machine"))
    try:
        trio.run(machine.booted)
        print(machine.run("oad", "service", "install"))
        for unit in ("oad.service", "oad-gateway@.service", "oad-proxy.service"):
            machine.write(f"/etc/systemd/system/{unit}.d/quick.conf", _QUICK)
        machine.run("systemctl", "daemon-reload")
        machine.run("systemctl", "restart", "oad.service")
        machine.run("sh", "-c", "mkdir -p /srv/project && chown oad /srv/project")
        yield machine
    finally:
        machine.end()
