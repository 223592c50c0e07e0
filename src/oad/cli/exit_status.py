"""Exit statuses that scripts can rely on."""

from typing import Final

OK: Final = 0
FAILED: Final = 1  # it was tried and did not work: a turn that ended in an error, a server that could not start
USAGE: Final = 2  # wrong use
UNREACHABLE: Final = 3  # no server there, or it does not let us in
INTERRUPTED: Final = 130  # Ctrl-C
