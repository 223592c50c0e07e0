"""Answers of ``GET /oad/processes``."""

from typing import Any

from oad.contract.activity import Activity, ProcessActivity, SessionActivity

NOW_MS = 1_800_000_000_000


def session(number: int, **fields: Any) -> SessionActivity:
    given = {
        "id": f"ses_{number:026d}",
        "title": f"title {number}",
        "directory": "/p",
        "state": "idle",
        "created": NOW_MS - 3_600_000,
        "updated": NOW_MS,
        "tokens": 0,
        "cost": 0.0,
        "asks": 0,
        "processes": 2,
        "cpu_s": 1.0,
        "memory_bytes": 100 * 1024 * 1024,
        **fields,
    }
    return SessionActivity(**given)


def process(pid: int, parent: int, kind: str, **fields: Any) -> ProcessActivity:
    given = {
        "pid": pid,
        "parent": parent,
        "kind": kind,
        "command": f"oad-{kind}",
        "state": "S",
        "threads": 1,
        "cpu_s": 0.5,
        "memory_bytes": 1024 * 1024,
        "started": NOW_MS - 60_000,
        **fields,
    }
    return ProcessActivity(**given)


def activity(
    *sessions: SessionActivity, processes: list[ProcessActivity] | None = None, time: int = NOW_MS
) -> Activity:
    return Activity(
        time=time,
        version="1.2",
        started=NOW_MS - 90_000,
        cpus=2,
        stored=7,
        sessions=list(sessions),
        processes=processes or [],
    )
