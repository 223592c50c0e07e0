"""The table of sessions: what is known of each in two looks, its order, and its lines at a given width. Pure."""

from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from oad.contract.activity import Activity, SessionActivity

from .figures import duration, number, percent, size

_WIDE: Final = 120
_SHORT_ID: Final = 12
_RANKS: Final = {"running": 0, "retrying": 1, "waiting": 2, "queued": 3, "starting": 4, "idle": 5, "stored": 6}


class Row(NamedTuple):
    """``cpu``: percent of one core since the last look, None at the first."""

    session: SessionActivity
    age_s: float
    cpu: float | None


def make_rows(now: Activity, before: Activity | None) -> list[Row]:
    known = {session.id: session.cpu_s for session in before.sessions} if before is not None else {}
    passed_s = (now.time - before.time) / 1000 if before is not None else 0.0

    def load(session: SessionActivity) -> float | None:
        if session.id not in known or passed_s <= 0:
            return None
        return max(session.cpu_s - known[session.id], 0.0) / passed_s * 100

    return [Row(session, (now.time - session.created) / 1000, load(session)) for session in now.sessions]


def _by_state(row: Row) -> tuple[float, ...]:
    session = row.session
    return _RANKS.get(session.state, 9), -(session.busy_s or 0), -(row.cpu or 0)


def _by_cpu(row: Row) -> tuple[float, ...]:
    return -(row.cpu or 0), -row.session.cpu_s


def _by_memory(row: Row) -> tuple[float, ...]:
    return (-row.session.memory_bytes,)


def _by_tokens(row: Row) -> tuple[float, ...]:
    return (-row.session.tokens,)


def _by_age(row: Row) -> tuple[float, ...]:
    return (row.age_s,)


def _by_use(row: Row) -> tuple[float, ...]:
    return (-row.session.updated,)


class Order(NamedTuple):
    """``key``: what to press for it. What is looked for comes first."""

    key: str
    name: str
    rank: Callable[[Row], tuple[float, ...]]


ORDERS: Final = (
    Order("s", "state", _by_state),
    Order("c", "cpu", _by_cpu),
    Order("m", "memory", _by_memory),
    Order("t", "tokens", _by_tokens),
    Order("a", "age", _by_age),
    Order("u", "used", _by_use),
)


def sort_rows(rows: Iterable[Row], order: Order, *, reverse: bool = False) -> list[Row]:
    """The same rows in the same order each time, so that lines do not jump."""
    found = sorted(rows, key=lambda row: (order.rank(row), row.session.id))
    return found[::-1] if reverse else found


_HEAD: Final = f"{'STATE':<8} {'AGE':>6} {'TURN':>6} {'CPU%':>5} {'MEM':>6} {'PROC':>4} {'TOKENS':>6}"


def head(width: int) -> str:
    return clip(f"{_HEAD} {'SESSION':<{_id_width(width)}} {_last_columns(width)}", width)


def line(row: Row, width: int) -> str:
    session = row.session
    turn = duration(session.busy_s) if session.busy_s is not None else "-"
    id = session.id if _id_width(width) > _SHORT_ID else session.id[-_SHORT_ID:]
    told = f"{_place(session, width)}{printable(session.title)}"
    return clip(
        f"{session.state:<8} {duration(row.age_s):>6} {turn:>6} {percent(row.cpu):>5} {size(session.memory_bytes):>6} "
        f"{session.processes:>4} {number(session.tokens):>6} {id:<{_id_width(width)}} {told}",
        width,
    )


def _cost(dollars: float) -> str:
    return "-" if not dollars else f"{dollars:.2f}" if dollars < 1000 else number(dollars)


def _id_width(width: int) -> int:
    return 30 if width >= _WIDE else _SHORT_ID


def _last_columns(width: int) -> str:
    return f"{'COST':>6} {'MODEL':<20} TITLE" if width >= _WIDE else "TITLE"


def _place(session: SessionActivity, width: int) -> str:
    if width < _WIDE:
        return ""
    return f"{_cost(session.cost):>6} {printable(session.model or '-')[:20]:<20} "


def printable(text: str) -> str:
    """Titles are made by models, and commands by whoever: neither may drive the terminal."""
    return "".join(character if character.isprintable() else " " for character in text)


def clip(text: str, width: int) -> str:
    return text[:width].rstrip() if width > 0 else ""
