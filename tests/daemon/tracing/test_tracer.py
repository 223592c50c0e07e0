import importlib.util
import subprocess
import sys

import pytest

from oad.contract.telemetry import TracingPolicy
from oad.contract.trail import Trail
from oad.daemon.tracing.tracer import NoTracer, TracingUnavailable, check_tracing, close_tracer, open_tracer

HERE = "http://127.0.0.1:9/v1/traces"


async def test_off_unless_configured() -> None:
    tracer = open_tracer(TracingPolicy())
    assert isinstance(tracer, NoTracer)
    assert tracer.prepare(None, Trail("req_1", "x")) == Trail("req_1", "x")  # type: ignore[arg-type]
    tracer.observe("session.status", b"not looked at", "ses_1")
    tracer.worker_ended("ses_1")
    await close_tracer(tracer)


def test_off_nothing_is_imported() -> None:
    program = (
        "import sys, oad.daemon.main\n"
        "from oad.contract.telemetry import TracingPolicy\n"
        "from oad.daemon.tracing.tracer import check_tracing, open_tracer\n"
        "check_tracing(TracingPolicy()); open_tracer(TracingPolicy())\n"
        "print([name for name in sys.modules if name.startswith(('opentelemetry', 'google.protobuf', 'requests'))])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("answer", [None, ModuleNotFoundError("no package")])
def test_without_the_extra_it_is_refused(answer: Exception | None, monkeypatch: pytest.MonkeyPatch) -> None:
    def find(name: str) -> None:
        if answer is not None:
            raise answer

    monkeypatch.setattr(importlib.util, "find_spec", find)
    check_tracing(TracingPolicy())
    with pytest.raises(TracingUnavailable, match=r"pip install 'oad\[otel\]'"):
        check_tracing(TracingPolicy(endpoint=HERE))
