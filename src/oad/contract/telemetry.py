"""What the operator decides of how the service tells what it does: ``[logs]`` and ``[tracing]`` of oad.toml."""

from typing import Annotated

import msgspec

_Count = Annotated[int, msgspec.Meta(ge=0)]


class LogPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[logs]``. How much of the log file is kept stands in ``[storage]``."""

    repeats: _Count = 10  # of the same line in ten seconds, the rest is counted; 0: no limit


class TracingPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[tracing]``, which needs ``pip install oad[otel]``. ``endpoint``: where a collector takes OTLP over HTTP, such
    as http://127.0.0.1:4318/v1/traces; empty: no traces. What it asks for besides, such as a key, is read from
    OTEL_EXPORTER_OTLP_HEADERS."""

    endpoint: Annotated[str, msgspec.Meta(pattern=r"^(https?://[^\s/]+(/\S*)?)?$")] = ""
    sample: Annotated[float, msgspec.Meta(ge=0, le=1)] = 1.0  # of sessions; a request that brings a trace decides
