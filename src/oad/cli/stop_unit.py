"""``oad unit stop``: what a unit's ExecStop= runs.

systemd sends its SIGTERM to all processes of a unit at once, to the commands of sessions too. The main process alone is
to be asked, and given the time it needs; what systemd then finds left is killed.
"""

import os
import select
import signal
from collections.abc import Mapping


def stop_main_process(environment: Mapping[str, str]) -> int:
    """Asks the process that systemd names to stop, and returns 0 when it has ended."""
    pid = environment.get("MAINPID", "")
    if not pid.isdigit() or pid == "0":
        return 0  # it has ended by itself
    try:
        process = os.pidfd_open(int(pid))
    except ProcessLookupError:
        return 0
    try:
        signal.pidfd_send_signal(process, signal.SIGTERM)
        select.select([process], [], [])
    except ProcessLookupError:
        pass  # between the two it has
    finally:
        os.close(process)
    return 0
