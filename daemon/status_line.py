"""The state of the service in a line, for ``systemctl status``."""

from collections import Counter

from .supervisor import Supervisor


def describe(supervisor: Supervisor) -> str:
    kinds = Counter(worker.spec.kind for worker in supervisor.live())
    counts = [f"{count} {kind} worker{'s'[: count > 1]}" for kind, count in sorted(kinds.items())]
    return ", ".join(counts) or "idle"
