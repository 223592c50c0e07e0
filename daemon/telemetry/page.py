"""Prometheus' text form, version 0.0.4. The official library can write it too, but costs 3 MB in the daemon."""

from collections.abc import Mapping

from .families import FAMILIES
from .histogram import Histogram

MEDIA: str = "text/plain; version=0.0.4; charset=utf-8"


class Page:
    """Samples by name of their family, which must be one of FAMILIES."""

    def __init__(self) -> None:
        self._lines: dict[str, list[str]] = {name: [] for name in FAMILIES}

    def add(self, family: str, value: float, **labels: str) -> None:
        self._lines[family].append(_sample(family, labels, value))

    def add_all(self, family: str, values: Mapping[str, float]) -> None:
        """By the one label that the family has."""
        (label,) = FAMILIES[family].labels
        for name, value in values.items():
            self.add(family, value, **{label: name})

    def add_histogram(self, family: str, histogram: Histogram, **labels: str) -> None:
        lines = self._lines[family]
        for bound, count in histogram.cumulated():
            lines.append(_sample(f"{family}_bucket", {**labels, "le": bound}, count))
        lines.append(_sample(f"{family}_sum", labels, histogram.sum))
        lines.append(_sample(f"{family}_count", labels, histogram.count))

    def encode(self) -> bytes:
        text: list[str] = []
        for name, lines in self._lines.items():
            family = FAMILIES[name]
            text += (f"# HELP {name} {_escape(family.help, quotes=False)}.", f"# TYPE {name} {family.type}", *lines)
        return ("\n".join(text) + "\n").encode()


def _sample(name: str, labels: Mapping[str, str], value: float) -> str:
    inner = ",".join(f'{label}="{_escape(text)}"' for label, text in labels.items())
    number = f"{value:d}" if isinstance(value, int) else repr(float(value))
    return f"{name}{{{inner}}} {number}" if inner else f"{name} {number}"


def _escape(text: str, *, quotes: bool = True) -> str:
    text = text.replace("\\", "\\\\").replace("\n", "\\n")
    return text.replace('"', '\\"') if quotes else text
