"""Goals, what was measured for them, and the table of both."""

import json
import statistics
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Goal:
    """``factor``: oad may need at most this share of what the reference needs, or, where more is better (``rate``),
    must do at least this many times as much. ``limit``: in the unit itself. Neither: for information."""

    name: str
    unit: str
    factor: float | None = None
    limit: float | None = None
    rate: bool = False

    def text(self) -> str:
        if self.factor is not None:
            return f"{'>=' if self.rate else '<='} {self.factor:.3g} x"
        return "-" if self.limit is None else f"<= {self.limit:g} {self.unit}"

    def met(self, oad: float, reference: float | None) -> bool | None:
        """None: there is no goal, or nothing to compare with."""
        if self.limit is not None:
            return oad <= self.limit
        if self.factor is None or reference is None:
            return None
        return oad >= reference * self.factor if self.rate else oad <= reference * self.factor


@dataclass
class Samples:
    """By goal and server, the figures of all rounds; the median counts."""

    figures: dict[str, dict[str, list[float]]] = field(default_factory=dict)

    def add(self, server: str, goal: str, *values: float) -> None:
        self.figures.setdefault(goal, {}).setdefault(server, []).extend(values)

    def median(self, goal: str, server: str) -> float | None:
        found = self.figures.get(goal, {}).get(server)
        return statistics.median(found) if found else None


def percentile(values: list[float], percent: int) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]


def table(goals: Iterable[Goal], samples: Samples, absent: str) -> str:
    """``absent``: why there are no figures of the reference; the ratio says so."""
    rows = [("", "oad", "reference", "ratio", "goal", "met")]
    rows += [row for goal in goals if (row := _row(goal, samples, absent)) is not None]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([*lines, *([f"no reference: {absent}"] if absent else [])])


def _row(goal: Goal, samples: Samples, absent: str) -> tuple[str, str, str, str, str, str] | None:
    oad, reference = samples.median(goal.name, "oad"), samples.median(goal.name, "reference")
    if oad is None:
        return None
    ratio = "no reference" if absent else "-"
    if reference:
        ratio = f"{oad / reference:.3f}"
    met = {True: "yes", False: "NO", None: "-"}[goal.met(oad, reference)]
    shown = "-" if reference is None else f"{reference:.4g} {goal.unit}"
    return goal.name, f"{oad:.4g} {goal.unit}", shown, ratio, goal.text(), met


def write(name: str, goals: Iterable[Goal], samples: Samples, absent: str) -> Path:
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}-{time.strftime('%Y%m%d-%H%M%S')}.json"
    found = [
        {
            "goal": goal.name,
            "unit": goal.unit,
            "wanted": goal.text(),
            "oad": samples.median(goal.name, "oad"),
            "reference": samples.median(goal.name, "reference"),
            "samples": samples.figures.get(goal.name, {}),
        }
        for goal in goals
    ]
    path.write_text(json.dumps({"benchmark": name, "no_reference": absent, "figures": found}, indent=1))
    return path
