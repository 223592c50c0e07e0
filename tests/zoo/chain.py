"""Two hundred generations, each in a session of its own, all alive. usage: chain.py DURATION"""

import os
import signal

for _ in range(200):
    if os.fork():
        signal.pause()
    os.setsid()
print("ready", flush=True)
signal.pause()
