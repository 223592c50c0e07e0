"""Lines of the log: which concern a session, and how people are shown them. Pure."""

import re
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from .table import printable

LEVELS: Final = ("debug", "info", "warning", "error", "critical")
_SAID_FIRST: Final = frozenset(
    {"timestamp", "level", "logger", "event", "process", "name", "pid", "session", "exception"}
)
_SPAN: Final = re.compile(r"(\d+(?:\.\d+)?)([smhd])")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


class BadTime(Exception):
    """No time, and no span of time."""


class Wanted(msgspec.Struct, frozen=True):
    """``id``: of a session or a request; empty: all. ``since``: not before that time."""

    id: str = ""
    level: str = "debug"
    since: datetime | None = None

    def admits(self, line: dict[str, Any]) -> bool:
        return self._concerns(line) and self._is_important(line) and self._is_recent(line)

    def _concerns(self, line: dict[str, Any]) -> bool:
        if not self.id or self.id in (line.get("session"), line.get("request"), line.get("worker")):
            return True
        return any(isinstance(value, str) and self.id in value for value in line.values())

    def _is_important(self, line: dict[str, Any]) -> bool:
        level = line.get("level")
        return level not in LEVELS or LEVELS.index(str(level)) >= LEVELS.index(self.level)

    def _is_recent(self, line: dict[str, Any]) -> bool:
        if self.since is None:
            return True
        at = time_of(line)
        return at is not None and at >= self.since


def parse(text: str) -> dict[str, Any] | None:
    """None for what is no line of ours."""
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except msgspec.DecodeError:
        return None


def time_of(line: dict[str, Any]) -> datetime | None:
    try:
        return datetime.fromisoformat(str(line.get("timestamp")))
    except ValueError:
        return None


def parse_since(text: str, now: datetime) -> datetime:
    """``15m``, ``2h``, ``1d`` ago, or a time as ISO writes it, of this host's zone unless it says. Raises BadTime."""
    if span := _SPAN.fullmatch(text):
        return now - timedelta(seconds=float(span[1]) * _SECONDS[span[2]])
    try:
        return datetime.fromisoformat(text).astimezone()
    except ValueError:
        raise BadTime(f"{text} is no time: 15m, 2h, 1d, or 2026-01-31T12:00") from None


def show(line: dict[str, Any]) -> str:
    """For people. A traceback follows in lines of its own."""
    at = time_of(line)
    stamp = at.astimezone().strftime("%m-%d %H:%M:%S.%f")[:-3] if at is not None else "?"
    who = str(line.get("process") or line.get("logger") or "")
    rest = " ".join(
        f"{key}={_value(value)}" for key, value in line.items() if key not in _SAID_FIRST and value is not None
    )
    level = str(line.get("level", "")).upper()
    text = f"{stamp} {level:<7} {who}[{line.get('pid', '?')}] {line.get('event', '')}"
    trace = "".join(f"\n    {printable(each)}" for each in str(line.get("exception") or "").splitlines())
    return printable(f"{text}  {rest}".rstrip()) + trace


def _value(value: object) -> str:
    if isinstance(value, str) and value and not re.search(r"\s", value):
        return value
    return msgspec.json.encode(value).decode()
