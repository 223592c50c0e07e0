"""What the operator decides of how the service tells what it does: ``[logs]`` and ``[tracing]`` of oad.toml."""

from typing import Annotated, Final

import msgspec

_Positive = Annotated[int, msgspec.Meta(gt=0)]
_Count = Annotated[int, msgspec.Meta(ge=0)]


class LogPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[logs]``, of the log file; the journal has settings of its own."""

    file_mb: _Positive = 64  # beyond it the file is moved aside
    keep_files: _Count = 5  # that were; 0: it is never moved aside, and somebody else's business
    repeats: _Count = 10  # of the same line in ten seconds, the rest is counted; 0: no limit


class TracingPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[tracing]``, which needs ``pip install oad[otel]``. ``endpoint`` is where a collector takes OTLP over HTTP,
    such as http://127.0.0.1:4318/v1/traces; empty: no traces. ``headers`` go with every export."""

    endpoint: str = ""
    headers: dict[str, str] = {}
    sample: Annotated[float, msgspec.Meta(ge=0, le=1)] = 1.0  # of traces that a request does not bring along itself


NO_TRACING: Final = TracingPolicy()
