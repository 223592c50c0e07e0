"""``oad top``: the sessions of a server while they run, and a key to stop one."""

import queue
import sys
import threading
import time
from collections.abc import Callable
from typing import Final

import msgspec

from oad.client import Failure
from oad.contract.activity import Activity

from ..exit_status import FAILED, OK, UNREACHABLE, USAGE
from ..target import Unreachable
from ..target_options import TargetOptions
from .picture import State, draw
from .source import Poller, Source
from .table import ORDERS, Order, head, line, make_rows, sort_rows

_KEY_S: Final = 0.25
_APART_S: Final = 1.2  # between the two looks from which loads are computed; the server keeps one for a second
_WIDTH: Final = 200  # of what no screen limits

Change = Callable[[State], None]


class TopOptions(msgspec.Struct, frozen=True):
    """``sort``: name of an order."""

    every_s: float = 2.0
    sort: str = "state"
    once: bool = False
    as_json: bool = False


def top(target: TargetOptions, options: TopOptions) -> int:
    order = next((order for order in ORDERS if order.name == options.sort), None)
    if order is None:
        return _refuse(f"there is no order {options.sort}: one of {', '.join(order.name for order in ORDERS)}", USAGE)
    source = Source(target)
    try:
        if options.as_json or options.once:
            return _print_once(source, order, as_json=options.as_json)
        if not (sys.stdin.isatty() and sys.stdout.isatty()):
            return _refuse("this is no terminal: use --once or --json", USAGE)
        first = source.look()
        return _Top(source, target, first, order, options.every_s).run()
    except Unreachable as error:
        return _refuse(str(error), UNREACHABLE)
    except Failure as error:
        return _refuse(str(error), UNREACHABLE if error.unreachable else FAILED)
    except KeyboardInterrupt:
        return OK
    finally:
        source.close()


def _refuse(text: str, status: int) -> int:
    print(f"oad: {text}", file=sys.stderr)
    return status


def _print_once(source: Source, order: Order, *, as_json: bool) -> int:
    before = source.look()
    if as_json:
        print(msgspec.json.format(msgspec.json.encode(before)).decode())
        return OK
    time.sleep(_APART_S)
    rows = sort_rows(make_rows(source.look(), before), order)
    print("\n".join([head(_WIDTH), *(line(row, _WIDTH) for row in rows)]))
    return OK


class _Top:
    """The keys, in one thread; looks and aborts in others, whose news come by a queue."""

    def __init__(self, source: Source, target: TargetOptions, first: Activity, order: Order, every_s: float) -> None:
        self._target = target
        self._state = State(source.url, now=first, order=order)
        self._news: queue.SimpleQueue[Change] = queue.SimpleQueue()
        self._poller = Poller(source, every_s, self._found, self._failed)

    def _found(self, activity: Activity) -> None:
        self._news.put(lambda state: state.take(activity))

    def _failed(self, problem: str) -> None:
        def note(state: State) -> None:
            state.problem = problem

        self._news.put(note)

    def run(self) -> int:
        from .screen import NoTerminal, open_screen

        self._poller.start()
        try:
            with open_screen() as screen:
                while True:
                    screen.show(draw(self._state, *screen.size))
                    if not self._press(screen.key(_KEY_S)):
                        return OK
                    while not self._news.empty():
                        self._news.get()(self._state)
        except NoTerminal as error:
            return _refuse(f"{error}; use --once", USAGE)
        finally:
            self._poller.stop()

    def _press(self, key: str) -> bool:
        """False to leave."""
        state = self._state
        if state.asking:
            if key == "y":
                self._abort(state.asking)
            if key and key != "resize":
                state.asking = ""
            return True
        if key in ("q", "\x03", "\x1b"):
            return False
        if key:
            self._change(key)
        return True

    def _change(self, key: str) -> None:
        state = self._state
        moves = {"up": -1, "k": -1, "down": 1, "j": 1, "page up": -10, "page down": 10}
        order = next((order for order in ORDERS if order.key == key), None)
        if key in moves:
            state.move(moves[key])
        elif key == "r":
            state.reverse = not state.reverse
        elif key == "p":
            state.processes = not state.processes
        elif key == "x" and state.chosen in {row.session.id for row in state.rows()}:
            state.asking = state.chosen
        elif key == "x":
            state.message = "choose a session first, with the arrows"
        elif order is not None:
            state.order = order

    def _abort(self, session: str) -> None:
        self._state.message = f"{session} is being aborted"
        threading.Thread(target=self._carry_out_abort, args=(session,), daemon=True).start()

    def _carry_out_abort(self, session: str) -> None:
        source = Source(self._target)
        try:
            said = source.abort(session)
        except (Unreachable, Failure) as error:
            said = f"{session} was not aborted: {error}"
        finally:
            source.close()

        def note(state: State) -> None:
            state.message = said

        self._news.put(note)
