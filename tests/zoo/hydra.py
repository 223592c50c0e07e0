"""Changes its process number as fast as it can: forks an heir in a new session, and dies. usage: hydra.py DURATION"""

import os

print("ready", flush=True)
while True:
    if os.fork():
        os._exit(0)
    os.setsid()
