import os
import subprocess
import sys

import pytest
import trio
import trio.testing

from oad import heap
from oad.heap import keep_small

THREADS = """
import threading
from oad.heap import use_one_heap

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
BUFFER = 20_000
FRAGMENTS = f"""
import pathlib
from oad.heap import give_back, use_one_heap

def resident(): return int(pathlib.Path("/proc/self/statm").read_text().split()[1])

use_one_heap()
size = [{BUFFER}, 1000]
buffers = [b"x" * size[n % 2] for n in range(2000)]
del buffers[::2]
kept = resident()
give_back()
print(kept, resident())
"""

CYCLES = """
import gc
from oad.heap import give_back, settle

class Node: pass

def make():
    node = Node()
    node.itself = node

def left(): return sum(type(each) is Node for each in gc.get_objects())

settle()
gc.disable()
[make() for _ in range(100)]
before = left()
give_back()
print(gc.get_freeze_count() > 5000, before, left())
"""


def run(program: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)


def test_threads_share_it() -> None:
    done = run(THREADS)
    assert "Arena 0:" in done.stderr
    assert "Arena 1:" not in done.stderr


def test_what_is_free_between_things_that_are_kept_is_given_back() -> None:
    kept, left = map(int, run(FRAGMENTS).stdout.split())
    assert kept - left > 500 * BUFFER // os.sysconf("SC_PAGE_SIZE")


def test_what_stays_is_set_apart_and_garbage_is_not_left_lying() -> None:
    assert run(CYCLES).stdout.split() == ["True", "100", "0"]


async def test_it_is_done_from_time_to_time(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = list[float]()
    monkeypatch.setattr(heap, "settle", lambda: at.append(trio.current_time()))
    monkeypatch.setattr(heap, "give_back", lambda: at.append(trio.current_time()))
    began = trio.current_time()
    with trio.move_on_after(100):
        await keep_small(30)
    assert [round(time - began) for time in at] == [0, 30, 60, 90]
