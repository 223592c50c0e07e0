"""What the operator decides of how the service tells what it does: ``[logs]`` of oad.toml."""

from typing import Annotated

import msgspec

_Count = Annotated[int, msgspec.Meta(ge=0)]


class LogPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[logs]``. How much of the log file is kept stands in ``[storage]``."""

    repeats: _Count = 10  # of the same line in ten seconds, the rest is counted; 0: no limit
