"""What ``oad top`` shows, as lines with a style each. Pure: the terminal is elsewhere."""

import time
from collections import Counter
from typing import Final, Literal, NamedTuple

import msgspec

from oad.contract.activity import Activity, ProcessActivity

from .figures import duration, percent, size
from .table import ORDERS, Order, Row, clip, head, line, make_rows, printable, sort_rows

Style = Literal["plain", "head", "chosen", "dim", "alarm"]
_KEYS: Final = "q quit  x abort  p processes  r reverse  sort: s c m t a u"


class Line(NamedTuple):
    text: str
    style: Style = "plain"


class State(msgspec.Struct):
    """``asking``: whether to abort that session. ``message``: of the last thing that was done. ``problem``: why what is
    shown is old."""

    url: str
    now: Activity | None = None
    before: Activity | None = None
    order: Order = ORDERS[0]
    reverse: bool = False
    chosen: str = ""
    asking: str = ""
    message: str = ""
    problem: str = ""
    processes: bool = False

    def take(self, activity: Activity) -> None:
        self.problem = ""
        if self.now is not None and self.now.time == activity.time:
            return  # the server keeps its look at the processes for a second
        self.before, self.now = self.now, activity
        if self.before is not None and self.before.started != activity.started:
            self.before = None  # another daemon, which counts anew

    def rows(self) -> list[Row]:
        return sort_rows(make_rows(self.now, self.before), self.order, reverse=self.reverse) if self.now else []

    def move(self, by: int) -> None:
        ids = [row.session.id for row in self.rows()]
        if ids:
            at = ids.index(self.chosen) if self.chosen in ids else -1 if by > 0 else 0
            self.chosen = ids[min(max(at + by, 0), len(ids) - 1)]


def draw(state: State, width: int, height: int) -> list[Line]:
    """At most ``height`` lines of at most ``width`` characters."""
    top = [*_summary(state, width), Line(head(width).ljust(width), "head")]
    bottom = _last_line(state, width)
    room = max(height - len(top) - 1, 0)
    lines = [*top, *_fill(_body(state, width, room), room), bottom]
    return lines[: max(height - 1, 0)] + [bottom] if len(lines) > height else lines


def _fill(lines: list[Line], room: int) -> list[Line]:
    return lines[:room] + [Line("")] * (room - len(lines))


def _summary(state: State, width: int) -> list[Line]:
    now = state.now
    if now is None:
        return [Line(clip(f"oad top  {state.url}", width)), Line(""), Line("")]
    states = Counter(session.state for session in now.sessions)
    told = "  ".join(f"{count} {name}" for name, count in states.most_common())
    load = _load(now, state.before)
    memory = size(sum(process.memory_bytes for process in now.processes))
    up = duration((now.time - now.started) / 1000)
    clock = time.strftime("%H:%M:%S", time.localtime(now.time / 1000))
    style: Style = "dim" if state.problem else "plain"
    return [
        Line(clip(f"oad {now.version}  {state.url}  up {up}  {clock}  sorted by {state.order.name}", width), style),
        Line(clip(f"sessions: {told or 'none live'}  {now.stored} stored", width), style),
        Line(
            clip(f"processes: {len(now.processes)}  cpu {percent(load)}% of {now.cpus * 100}%  memory {memory}", width),
            style,
        ),
    ]


def _load(now: Activity, before: Activity | None) -> float | None:
    """Of all processes that are in both looks."""
    if before is None or now.time <= before.time:
        return None
    known = {(process.pid, process.started // 1000): process.cpu_s for process in before.processes}
    used = sum(
        process.cpu_s - known.get((process.pid, process.started // 1000), process.cpu_s) for process in now.processes
    )
    return max(used, 0.0) / (now.time - before.time) * 1000 * 100


def _body(state: State, width: int, room: int) -> list[Line]:
    """The chosen row is always among them."""
    rows = state.rows()
    lines: list[Line] = []
    at = 0
    for row in rows:
        chosen = row.session.id == state.chosen
        if chosen:
            at = len(lines)
        text = line(row, width)
        lines.append(Line(text.ljust(width) if chosen else text, "chosen" if chosen else _style(state, row)))
        if chosen and state.processes and state.now is not None:
            lines += _processes(state.now, row.session.id, width)
    first = min(max(at - room // 2, 0), max(len(lines) - room, 0))
    return lines[first:]


def _style(state: State, row: Row) -> Style:
    if state.problem or row.session.state in ("idle", "stored"):
        return "dim"
    return "alarm" if row.session.state in ("waiting", "retrying", "queued") else "plain"


def _processes(now: Activity, session: str, width: int) -> list[Line]:
    return [
        Line(clip(f"    {describe(process, now.time)}", width), "dim")
        for process in now.processes
        if process.session == session
    ]


def describe(process: ProcessActivity, now_ms: int) -> str:
    age = duration((now_ms - process.started) / 1000)
    return (
        f"{process.pid:>7} {process.kind:<14} {process.state} {duration(process.cpu_s):>6} "
        f"{size(process.memory_bytes):>6} {age:>6} {printable(process.command)}"
    )


def _last_line(state: State, width: int) -> Line:
    if state.asking:
        return Line(clip(f"abort {state.asking}? y/n", width).ljust(width), "alarm")
    if state.problem:
        return Line(clip(f"trying again: {printable(state.problem)}", width), "alarm")
    return Line(clip(printable(state.message) or _KEYS, width), "dim")
