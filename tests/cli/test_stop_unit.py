import subprocess
import sys

from oad.cli.stop_unit import stop_main_process

SLOW = """
import signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: (time.sleep(0.2), sys.exit(7)))
print(flush=True)
signal.pause()
"""


def test_returns_when_the_process_has_ended() -> None:
    with subprocess.Popen([sys.executable, "-c", SLOW], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert stop_main_process({"MAINPID": str(process.pid)}) == 0
        assert process.poll() == 7


def test_a_process_that_has_ended_is_no_error() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    assert stop_main_process({"MAINPID": str(process.pid)}) == 0
    assert stop_main_process({}) == 0
    assert stop_main_process({"MAINPID": "0"}) == 0  # which would be everybody in the group
