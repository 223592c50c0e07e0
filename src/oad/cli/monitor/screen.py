"""The terminal of ``oad top``: lines in, keys out; whatever happens, the terminal is put back as it was."""

import contextlib
import curses
import os
import signal
from collections.abc import Generator, Sequence
from types import FrameType
from typing import Final, NoReturn

from .picture import Line, Style

_ATTRIBUTES: Final[dict[Style, int]] = {
    "plain": curses.A_NORMAL,
    "head": curses.A_REVERSE,
    "chosen": curses.A_STANDOUT,
    "dim": curses.A_DIM,
    "alarm": curses.A_BOLD,
}
_NAMES: Final = {
    curses.KEY_UP: "up",
    curses.KEY_DOWN: "down",
    curses.KEY_PPAGE: "page up",
    curses.KEY_NPAGE: "page down",
    curses.KEY_RESIZE: "resize",
}
_ENDING: Final = (signal.SIGTERM, signal.SIGHUP)


class NoTerminal(Exception):
    """This one can't show a screen."""


class Screen:
    def __init__(self, window: "curses.window") -> None:
        self._window = window

    @property
    def size(self) -> tuple[int, int]:
        """(width, height)"""
        height, width = self._window.getmaxyx()
        return width, height

    def show(self, lines: Sequence[Line]) -> None:
        width, height = self.size
        self._window.erase()
        for row, line in enumerate(lines[:height]):
            # The last place of the last line can't be written without scrolling, which curses reports as an error.
            with contextlib.suppress(curses.error):
                self._window.addnstr(row, 0, line.text, width, _ATTRIBUTES[line.style])
        self._window.refresh()

    def key(self, wait_s: float) -> str:
        """The next key, by name or as its character; empty when none comes in time."""
        self._window.timeout(round(wait_s * 1000))
        code = self._window.getch()
        if code in _NAMES:
            return _NAMES[code]
        return chr(code) if 0 < code < 0x110000 else ""


@contextlib.contextmanager
def open_screen() -> Generator[Screen]:
    """Ends with SystemExit on SIGTERM and SIGHUP. Raises NoTerminal."""
    try:
        window = _begin()
    except curses.error as error:
        raise NoTerminal(f"a screen can't be shown on this terminal ({os.environ.get('TERM')}): {error}") from error
    handlers = {number: signal.signal(number, _leave) for number in _ENDING}
    try:
        yield Screen(window)
    finally:
        curses.nocbreak()
        curses.echo()
        curses.endwin()
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _begin() -> "curses.window":
    os.environ.setdefault("ESCDELAY", "25")
    window = curses.initscr()
    curses.noecho()
    curses.cbreak()
    window.keypad(True)
    with contextlib.suppress(curses.error):
        curses.curs_set(0)
    with contextlib.suppress(curses.error):
        curses.start_color()
        curses.use_default_colors()
    return window


def _leave(number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)
