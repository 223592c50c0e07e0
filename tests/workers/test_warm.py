"""What is done ahead of the forks must be fit to be forked."""

import subprocess
import sys


def test_the_rehearsal_starts_nothing_and_reads_nothing_of_the_user(tmp_path):
    configuration = tmp_path / ".config" / "opencode"
    configuration.mkdir(parents=True)
    (configuration / "opencode.json").write_text("not to be read")
    program = (
        "import os, threading\n"
        "import oad.workers.warm\n"
        "assert threading.active_count() == 1, threading.enumerate()\n"
        "links = [os.readlink(entry.path) for entry in os.scandir('/proc/self/fd') if os.path.exists(entry.path)]\n"
        "assert not any('socket' in link or 'epoll' in link for link in links), links\n"
    )
    environment = {"HOME": str(tmp_path), "PYTHONPATH": ":".join(sys.path)}
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60, env=environment)
