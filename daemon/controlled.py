"""How a program gets a terminal that controls it: signals for Ctrl-C, job control, SIGHUP at the end.

Whoever is to be controlled leads a session of its own, and takes the terminal from there. The one who does it must be
inside of the sandbox: were bubblewrap in that session, Ctrl-C would end it, and with it whoever minds Ctrl-C himself.
``setsid`` of util-linux, or of busybox, does just this and then becomes the program.
"""

import os
import shutil
from pathlib import Path

from oad.contract.worker import Run

_NEEDED = "setsid, of util-linux or busybox, which gives a program its terminal"


def controlled(request: Run) -> list[str]:
    """The command line. Raises FileNotFoundError, PermissionError: behind ``setsid`` that could not be told from what
    the program itself says. In the call's holder, whose working directory is the program's."""
    setsid = shutil.which("setsid")
    if setsid is None:
        raise FileNotFoundError(2, "No such file or directory", _NEEDED)
    return [setsid, "-c", _find(request), *request.argv[1:]]


def _find(request: Run) -> str:
    program = request.argv[0]
    found = shutil.which(program, path=request.env.get("PATH", os.defpath))
    if found is None:
        known = "/" in program and Path(program).exists()
        raise PermissionError(13, "Permission denied", program) if known else FileNotFoundError(2, "", program)
    return found
