"""``GET /metrics`` and ``GET /oad/processes`` of a real server, compared with what the test itself did and saw."""

import os
import signal
import time
from typing import Any

import psutil
from prometheus_client.parser import text_string_to_metric_families

from oad.daemon.telemetry.families import FAMILIES

from .marks import alive
from .server import Server, until

Samples = dict[tuple[str, ...], float]


async def scrape(server: Server) -> Samples:
    async with server.client() as client:
        answer = await client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    families = list(text_string_to_metric_families(answer.text))
    assert {f"{f.name}_total" if f.type == "counter" else f.name for f in families} == set(FAMILIES)
    for family in families:
        for sample in family.samples:
            name = f"{family.name}_total" if family.type == "counter" else family.name
            assert set(sample.labels) - {"le"} == set(FAMILIES[name].labels), sample
    return {(s.name, *s.labels.values()): s.value for f in families for s in f.samples}


async def processes(server: Server) -> dict[str, Any]:
    found: dict[str, Any] = await server.ask("GET", "/oad/processes")
    return found


async def test_figures_are_those_that_were_seen(plain: Server) -> None:
    session = await plain.create(title="measured")
    before = await scrape(plain)
    began = time.perf_counter()
    await plain.ask("POST", f"/session/{session}/message", {"parts": [{"type": "text", "text": "say hello"}]})
    took = time.perf_counter() - began
    tokens = (await plain.ask("GET", f"/session/{session}"))["tokens"]
    after = await scrape(plain)
    grown = {key: after[key] - before.get(key, 0) for key in after}
    assert grown["oad_turn_seconds_count",] == 1
    assert 0 < grown["oad_turn_seconds_sum",] <= took
    assert grown["oad_turns_total", "completed"] == 1
    assert grown["oad_spawn_seconds_count", "session"] == 1
    assert 0 < grown["oad_spawn_seconds_sum", "session"] <= took
    assert grown["oad_tokens_total", "input"] == tokens["input"]
    assert grown["oad_tokens_total", "output"] == tokens["output"]
    assert grown["oad_journal_commit_seconds_count",] > 0
    assert grown["oad_events_total", "yes"] > 3
    assert grown["oad_event_bytes_total", "yes"] > 300
    assert (after["oad_sessions", "idle"], after["oad_turns_running",]) == (before["oad_sessions", "idle"] + 1, 0)
    assert grown["oad_process_cpu_seconds_total", "session-worker"] > 0
    assert after["oad_process_memory_bytes", "daemon"] > 10_000_000
    assert after["oad_store_bytes",] > 4096
    assert all(value >= 0 for key, value in grown.items() if key[0].endswith(("_total", "_count", "_bucket")))


async def test_aborts_are_measured_as_their_receipts_are(plain: Server) -> None:
    session = await plain.create(title="aborted")
    before, sum_ms = await scrape(plain), 0.0
    for number in range(3):
        mark = f"8931{number}"
        await plain.prompt_async(session, f"run sleep {mark}")
        await until(lambda mark=mark: bool(alive(mark)), "the command runs")  # type: ignore[misc]
        await plain.ask("POST", f"/session/{session}/abort")
        sum_ms += (await plain.ask("GET", f"/session/{session}/abort"))["tookMs"]
    after = await scrape(plain)
    assert after["oad_abort_seconds_count",] - before["oad_abort_seconds_count",] == 3
    measured = after["oad_abort_seconds_sum",] - before["oad_abort_seconds_sum",]
    assert abs(measured - sum_ms / 1000) <= 0.1 * sum_ms / 1000
    assert after["oad_turns_total", "aborted"] - before["oad_turns_total", "aborted"] == 3
    assert after["oad_abort_survivors_total",] == 0


async def test_every_process_is_shown_with_its_session(plain: Server) -> None:
    session = await plain.create(title="busy one")
    await plain.prompt_async(session, "run sleep 89321")
    await until(lambda: bool(alive("89321")), "the command runs")
    found = await processes(plain)

    async def complete() -> bool:
        """A look is kept for a second, and idle sessions may be about to be put away."""
        nonlocal found
        found = await processes(plain)
        real = {process.pid for process in plain.processes()} | {plain.pid}
        return {pid for pid in real if psutil.pid_exists(pid)} <= {each["pid"] for each in found["processes"]}

    await until(complete, "all are shown")
    (command,) = [each for each in found["processes"] if each["command"] == "sleep 89321"]
    assert (command["kind"], command["session"]) == ("command", session)
    assert abs(command["started"] - time.time() * 1000) < 60_000
    kinds = {each["kind"] for each in found["processes"]}
    assert {"serve", "daemon", "zygote", "gateway", "init", "session-worker", "holder", "command"} <= kinds
    (shown,) = [each for each in found["sessions"] if each["id"] == session]
    assert (shown["title"], shown["state"], shown["directory"]) == ("busy one", "running", str(plain.project))
    assert shown["processes"] == len([each for each in found["processes"] if each.get("session") == session])
    assert shown["busyS"] > 0
    await plain.ask("POST", f"/session/{session}/abort")
    (shown,) = [each for each in (await processes(plain))["sessions"] if each["id"] == session]
    assert "busyS" not in shown


async def test_readers_and_restarts_are_counted(plain: Server) -> None:
    before = await scrape(plain)
    async with plain.events():

        async def one_more() -> bool:
            found = await scrape(plain)
            return found["oad_event_streams", "gateway-0"] == before["oad_event_streams", "gateway-0"] + 1

        await until(one_more, "the reader is counted")
    session = await plain.create()
    await plain.ask("POST", f"/session/{session}/message", {"parts": [{"type": "text", "text": "say hello"}]})
    found = await processes(plain)
    worker = next(p for p in found["processes"] if p["kind"] == "session-worker" and p["session"] == session)
    gateway = next(p for p in found["processes"] if p["kind"] == "gateway")
    os.kill(worker["pid"], signal.SIGKILL)
    os.kill(gateway["pid"], signal.SIGKILL)

    async def counted() -> bool:
        try:
            found = await scrape(plain)
        except OSError:
            return False
        return found["oad_restarts_total", "gateway"] == 1 and found["oad_restarts_total", "session-worker"] == 1

    await until(plain._healthy, "the gateway is back")
    await until(counted, "both are counted")
    assert (await scrape(plain))["oad_restarts_total", "daemon"] == 0
    os.kill(next(p["pid"] for p in found["processes"] if p["kind"] == "daemon"), signal.SIGKILL)

    async def restarted() -> bool:
        try:
            return (await scrape(plain))["oad_restarts_total", "daemon"] == 1
        except (OSError, AssertionError):
            return False

    await until(restarted, "the daemon's restart is counted", timeout_s=30)
