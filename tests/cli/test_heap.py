import subprocess
import sys

PROGRAM = """
import threading
from oad.cli.heap import use_one_heap

use_one_heap()
def work():
    kept.append([bytes(1000) for _ in range(2000)])
kept = []
threads = [threading.Thread(target=work) for _ in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
import ctypes, sys
sys.stdout.flush()
ctypes.CDLL(None).malloc_stats()
"""


def test_threads_share_it() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert "Arena 0:" in done.stderr
    assert "Arena 1:" not in done.stderr
