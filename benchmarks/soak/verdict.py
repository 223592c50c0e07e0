"""What is judged, with which tolerances, and the table of it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .flatness import PER, Finding, floor_of, judge_rest, judge_trend
from .footprint import Footprint

# Per PER turns, after the warm-up.
MEMORY_MB = 1.0
STORE_MB = 1.0
RUNS = 12  # of samples, of which each counts with its lowest
# In all: SQLite's page caches (2 MB a connection), and the daemon's of sessions, are not full after a short warm-up.
CACHES_MB = 3.0
# Between two moments of rest. ZeroMQ keeps a few descriptors for as many workers as there were at once.
DESCRIPTORS = 4
THREADS = 1
PROCESSES = 0
FILES = 8

KINDS = ("parent", "oad-daemon", "oad-zygote", "oad-gateway", "directory worker", "session worker")


@dataclass(frozen=True)
class Sample:
    turns: int
    found: Footprint


def judge(samples: Sequence[Sample], rests: tuple[Footprint, Footprint]) -> list[Finding]:
    """``samples`` of the time after the warm-up, which ``rests`` begin and end."""
    return [*_trends(samples), *_rests(*rests)]


def _trends(samples: Sequence[Sample]) -> Iterator[Finding]:
    turns = [float(sample.turns) for sample in samples]
    for kind in KINDS:
        lowest = floor_of(*_each(samples, kind), RUNS)
        yield judge_trend(f"memory of {kind}", "MB", *lowest, MEMORY_MB, CACHES_MB)
    database = [sample.found.store_mb() for sample in samples]
    yield judge_trend("database", "MB", turns, database, STORE_MB, CACHES_MB)


def _each(samples: Sequence[Sample], kind: str) -> tuple[list[float], list[float]]:
    """The mean memory of one process. Workers come and go: one that was born late must not be larger than one that was
    born early."""
    present = [sample for sample in samples if kind in sample.found.kinds]
    kinds = [sample.found.kinds[kind] for sample in present]
    return [float(sample.turns) for sample in present], [each.memory_mb / each.count for each in kinds]


def _rests(before: Footprint, after: Footprint) -> Iterator[Finding]:
    for kind in sorted({*before.kinds, *after.kinds}):
        first, last = before.kinds.get(kind), after.kinds.get(kind)
        counts = first.count if first else 0, last.count if last else 0
        yield judge_rest(f"processes: {kind}", "", *counts, PROCESSES)
        if first and last:
            yield judge_rest(f"descriptors: {kind}", "", first.descriptors, last.descriptors, DESCRIPTORS * first.count)
            yield judge_rest(f"threads: {kind}", "", first.threads, last.threads, THREADS)
    yield judge_rest("files", "", before.other_files(), after.other_files(), FILES)


def table(findings: Sequence[Finding]) -> str:
    rows = [("", "after warm-up", "at the end", "growth", "tolerated", "")]
    rows += [_row(finding) for finding in findings]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    lines.append("memory: the lowest of every twelfth part of the time")
    lines.append(f"growth in MB: of a fitted line, per {PER} turns; up to {CACHES_MB:g} MB in all may go into caches")
    lines.append("growth in counts: between two moments of rest")
    return "\n".join(lines)


def _row(finding: Finding) -> tuple[str, str, str, str, str, str]:
    unit = f" {finding.unit}" if finding.unit else ""
    digits = 2 if finding.unit else 0
    cells = [f"{value:.{digits}f}{unit}" for value in (finding.first, finding.last, finding.growth, finding.tolerance)]
    return finding.name, cells[0], cells[1], cells[2], cells[3], "GROWS" if finding.grows else "flat"
