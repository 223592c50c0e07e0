"""What a page is made of; that it is true is shown against a real server."""

from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from oad.contract.wire import Listening
from oad.daemon.operations.metrics import metrics
from oad.daemon.tally import Tally
from oad.daemon.telemetry.families import FAMILIES
from oad.daemon.telemetry.histogram import SHORT_S, Histogram
from oad.daemon.telemetry.processes import Label, Look, Seen


def worker(kind: str, name: str) -> Any:
    return SimpleNamespace(spec=SimpleNamespace(kind=kind, name=name), settled=SimpleNamespace(is_set=lambda: True))


class Processes:
    def __init__(self) -> None:
        self.cpu_s = {"daemon": 1.5}

    async def look(self) -> Look:
        return Look(0.0, (Seen(5, 1, Label("daemon"), "oad-daemon", "S", 1, 4096, 150, 0, 1),))


async def test_tells_what_is_and_what_was(tmp_path: Path) -> None:
    (tmp_path / "oad.db").write_bytes(b"x" * 100)
    (tmp_path / "oad.db-wal").write_bytes(b"x" * 11)
    tally = Tally()
    tally.aborts["broker"] = 2
    tally.note_spawn("session", 0.1)
    workers = [worker("session", "ses_1"), worker("session", "ses_2"), worker("project", "/p")]
    link = SimpleNamespace(name="gateway-0", lag=3, listening=Listening({"": 2, "/p": 1}, 0, 7))
    services = SimpleNamespace(
        tally=tally,
        processes=Processes(),
        supervisor=SimpleNamespace(live=lambda: workers),
        sessions=SimpleNamespace(total=7),
        turns=SimpleNamespace(statuses={"ses_1": {"type": "busy"}}),
        asks=SimpleNamespace(waiting=set[str], listing=lambda kind: [kind] if kind == "question" else []),
        turnstile=SimpleNamespace(statuses=dict[str, Any], waiting=4),
        limits=SimpleNamespace(counts={("memoryMb", "command"): 3}),
        listeners=SimpleNamespace(open=3, cut=5),
        gateways=SimpleNamespace(restarts=1, links=lambda: [link]),
        storage=SimpleNamespace(trouble=None, free_mb=2.0),
        store=SimpleNamespace(path=tmp_path / "oad.db"),
        journal=SimpleNamespace(
            commit_s=Histogram(SHORT_S),
            failing=None,
            waiting=1,
            events=Counter({True: 9}),
            bytes=Counter({True: 90}),
            failures=5,
        ),
    )
    request: Any = SimpleNamespace(services=services)
    answer = await metrics(request)
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    families = list(text_string_to_metric_families(answer.body.decode()))
    found = {(s.name, *s.labels.values()): s.value for family in families for s in family.samples}
    assert {f"{f.name}_total" if f.type == "counter" else f.name for f in families} == set(FAMILIES)
    assert {name for name in FAMILIES if not any(key[0].startswith(name) for key in found)} == set()
    expected = {
        ("oad_limit_hits_total", "memoryMb", "command"): 3,
        ("oad_aborts_total", "broker"): 2,
        ("oad_aborts_total", "none"): 0,
        ("oad_sessions", "running"): 1,
        ("oad_sessions", "idle"): 1,
        ("oad_sessions", "stored"): 5,
        ("oad_workers", "session"): 2,
        ("oad_workers", "pty"): 0,
        ("oad_asks_open", "question"): 1,
        ("oad_queue_length", "prompts"): 4,
        ("oad_queue_length", "gateways"): 3,
        ("oad_restarts_total", "gateway"): 1,
        ("oad_event_streams", "gateway-0"): 3,
        ("oad_event_stream_lag", "gateway-0"): 7,
        ("oad_event_streams_cut_total",): 5,
        ("oad_store_bytes",): 111,
        ("oad_storage_writable",): 1,
        ("oad_storage_failures_total",): 5,
        ("oad_storage_free_bytes",): 2 << 20,
        ("oad_events_total", "yes"): 9,
        ("oad_process_memory_bytes", "daemon"): 4096,
        ("oad_process_cpu_seconds_total", "daemon"): 1.5,
        ("oad_spawn_seconds_count", "session"): 1,
    }
    assert {key: found[key] for key in expected} == expected
