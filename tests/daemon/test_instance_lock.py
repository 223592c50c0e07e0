import os
import subprocess
import sys
from pathlib import Path

import pytest

from oad.daemon.instance_lock import AlreadyRunning, InstanceLock

HOLDER = """
import sys, pathlib
from oad.daemon.instance_lock import InstanceLock
with InstanceLock(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_two_cannot_work_on_the_same_data_and_death_frees_it(tmp_path: Path) -> None:
    argv = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(AlreadyRunning, match=f"pid {holder.pid}"), InstanceLock(tmp_path):
            pass
        holder.kill()
    with InstanceLock(tmp_path):
        assert (tmp_path / "oad.lock").read_text() == f"{os.getpid()}\n"


def test_it_is_free_again_after_use(tmp_path: Path) -> None:
    for _ in range(2):
        with InstanceLock(tmp_path / "new"):
            assert (tmp_path / "new" / "oad.lock").stat().st_mode & 0o777 == 0o600
