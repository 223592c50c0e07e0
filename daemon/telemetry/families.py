"""All metrics that there are, by name: their type, their labels and what they mean. The documentation is made of it."""

from typing import Final, Literal, NamedTuple

Type = Literal["counter", "gauge", "histogram"]


class Family(NamedTuple):
    type: Type
    help: str
    labels: tuple[str, ...] = ()


FAMILIES: Final[dict[str, Family]] = {
    "oad_build_info": Family("gauge", "Always 1; the version is in the labels", ("version", "python")),
    "oad_start_time_seconds": Family("gauge", "When the daemon started, in seconds since 1970"),
    "oad_sessions": Family(
        "gauge",
        "Sessions by state: running a turn, retrying a model call, waiting for a person's answer, queued for a turn, "
        "idle (its worker lives), starting, stored (no process)",
        ("state",),
    ),
    "oad_workers": Family("gauge", "Worker processes that live: of sessions, directories, terminals", ("kind",)),
    "oad_turns_running": Family("gauge", "Sessions that run a turn"),
    "oad_turns_total": Family("counter", "Turns that ended: completed, aborted or error", ("outcome",)),
    "oad_turn_seconds": Family("histogram", "How long turns took, from busy to idle"),
    "oad_spawn_seconds": Family("histogram", "How long workers took from the fork until they served", ("kind",)),
    "oad_abort_seconds": Family("histogram", "How long aborts took until nothing of the turn was left"),
    "oad_aborts_total": Family(
        "counter", "Aborts by the last rung that was needed: none, asked, broker or killed", ("rung",)
    ),
    "oad_abort_survivors_total": Family("counter", "Processes that an abort could not end; should stay 0"),
    "oad_restarts_total": Family(
        "counter",
        "Processes that had to be started anew after an unexpected end; workers when they are next needed; of the "
        "daemon all starts but the first since the runtime directory was made",
        ("process",),
    ),
    "oad_limit_hits_total": Family(
        "counter", "Limits of sessions that were reached, and what was stopped for it", ("limit", "action")
    ),
    "oad_asks_total": Family("counter", "Questions to people", ("kind",)),
    "oad_asks_open": Family("gauge", "Questions to people that wait for an answer", ("kind",)),
    "oad_tokens_total": Family("counter", "Tokens as the providers of models count them", ("kind",)),
    "oad_cost_dollars_total": Family("counter", "Cost of model calls, by the catalogue's prices"),
    "oad_queue_length": Family(
        "gauge",
        "What waits: prompts (for a turn), journal (events to be written), gateways (events on the way to the slowest)",
        ("queue",),
    ),
    "oad_journal_commit_seconds": Family("histogram", "How long commits of the journal took"),
    "oad_journal_failing": Family("gauge", "1 while the store can't be written"),
    "oad_events_total": Family("counter", "Events, kept or not (deltas, heartbeats)", ("kept",)),
    "oad_event_bytes_total": Family("counter", "Size of events' properties", ("kept",)),
    "oad_event_streams": Family("gauge", "Open event streams", ("gateway",)),
    "oad_event_stream_lag": Family("gauge", "Events that wait for the slowest reader of a gateway", ("gateway",)),
    "oad_event_streams_cut_total": Family("counter", "Streams that were cut because their reader lagged"),
    "oad_gateways": Family("gauge", "Gateways that are connected"),
    "oad_processes": Family("gauge", "Processes, by kind", ("kind",)),
    "oad_process_memory_bytes": Family(
        "gauge", "Resident memory, by kind of process; pages that several share count for each", ("kind",)
    ),
    "oad_process_cpu_seconds_total": Family(
        "counter",
        "CPU time, by kind of process; what lived only between two looks may be missed",
        ("kind",),
    ),
    "oad_storage_writable": Family("gauge", "1 while prompts can be stored"),
    "oad_storage_failures_total": Family("counter", "Times that the journal could not be written"),
    "oad_storage_free_bytes": Family("gauge", "Free space on the disk of the data, where it is known"),
    "oad_store_bytes": Family("gauge", "Size of the store's files"),
}
