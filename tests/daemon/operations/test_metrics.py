from types import SimpleNamespace
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from oad.daemon.operations.metrics import metrics
from oad.daemon.tally import Tally


def worker(kind: str, name: str) -> Any:
    return SimpleNamespace(spec=SimpleNamespace(kind=kind, name=name))


async def test_tells_what_is_and_what_was() -> None:
    tally = Tally()
    tally.limits["memoryMb", "command"] = 3
    tally.aborts = 2
    workers = [worker("session", "ses_1"), worker("session", "ses_2"), worker("project", "/p")]
    services = SimpleNamespace(
        tally=tally,
        supervisor=SimpleNamespace(live=lambda: workers),
        sessions=SimpleNamespace(total=7),
        turns=SimpleNamespace(busy=lambda session: session == "ses_1"),
        listeners=SimpleNamespace(open=4, cut=5),
        storage=SimpleNamespace(trouble=None, free_mb=2.0),
        journal=SimpleNamespace(failures=5),
    )
    request: Any = SimpleNamespace(services=services)
    answer = await metrics(request)
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    families = text_string_to_metric_families(answer.body.decode())
    found = {(s.name, *sorted(s.labels.values())): s.value for family in families for s in family.samples}
    assert found == {
        ("oad_limit_hits_total", *sorted(["memoryMb", "command"])): 3,
        ("oad_aborts_total",): 2,
        ("oad_asks_total", "permission"): 0,
        ("oad_asks_total", "question"): 0,
        ("oad_storage_writable",): 1,
        ("oad_storage_failures_total",): 5,
        ("oad_storage_free_bytes",): 2 << 20,
        ("oad_workers", "session"): 2,
        ("oad_workers", "project"): 1,
        ("oad_workers", "pty"): 0,
        ("oad_sessions",): 7,
        ("oad_turns_running",): 1,
        ("oad_event_streams",): 4,
        ("oad_event_streams_cut_total",): 5,
    }
