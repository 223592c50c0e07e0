"""Many generations, each in a session of its own, all alive. usage: chain.py DURATION [GENERATIONS]"""

import os
import signal
import sys

for _ in range(int(sys.argv[2]) if len(sys.argv) > 2 else 200):
    if os.fork():
        signal.pause()
    os.setsid()
print("ready", flush=True)
signal.pause()
